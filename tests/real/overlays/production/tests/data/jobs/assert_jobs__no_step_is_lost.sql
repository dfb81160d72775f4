-- A row here is a step that the core or its KPI lost, or a job without a lead time.
select steps.step_id
from {{ ref('stg_shopfloor__steps') }} as steps
left join {{ ref('fct_process_steps') }} as shown
    on
    steps.step_id = shown.event_id
    and shown.process_code = 'jobs'
left join {{ ref('kpi_jobs__reject_rate_pct') }} as judged
    on steps.step_id = judged.subject_id
left join {{ ref('kpi_jobs__lead_hours') }} as timed
    on steps.job_no = timed.subject_id
where
    shown.event_id is null
    or judged.subject_id is null
    or timed.subject_id is null
