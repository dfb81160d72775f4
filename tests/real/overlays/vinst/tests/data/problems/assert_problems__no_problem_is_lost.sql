-- A row here is a change or problem that the core or a KPI lost.
select changes.change_id
from {{ ref('stg_vinst__problem_changes') }} as changes
left join {{ ref('fct_events') }} as events
    on
    changes.change_id = events.event_id
    and events.process_code = 'problems'
left join {{ ref('kpi_problems__resolution_hours') }} as timed
    on changes.case_no = timed.subject_id
left join {{ ref('kpi_problems__closed_in_30_days_pct') }} as judged
    on changes.case_no = judged.subject_id
where
    events.event_id is null
    or timed.subject_id is null
    or judged.subject_id is null
