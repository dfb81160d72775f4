-- A row here is a change or incident that the core or a KPI lost.
select changes.change_id
from {{ ref('stg_vinst__incident_changes') }} as changes
left join {{ ref('fct_events') }} as events
    on
    changes.change_id = events.event_id
    and events.process_code = 'support'
left join {{ ref('kpi_support__resolution_hours') }} as timed
    on changes.case_no = timed.subject_id
left join {{ ref('kpi_support__first_line_pct') }} as judged
    on changes.case_no = judged.subject_id
where
    events.event_id is null
    or timed.subject_id is null
    or judged.subject_id is null
