-- Grain: one row per step of a job.
select
    step_id,
    job_no as process_instance_id,
    activity_code,
    completed_at,
    completed_units,
    rejected_units
from {{ ref('stg_shopfloor__steps') }}
