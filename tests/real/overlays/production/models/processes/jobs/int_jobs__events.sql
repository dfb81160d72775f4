-- Grain: one row per step of a job.
select
    'jobs' as process_code,
    job_no as process_instance_id,
    step_id as event_id,
    activity_code,
    started_at,
    completed_at as occurred_at,
    worker_id as resource_id,
    cast(null as varchar) as org_unit_code,
    'shopfloor' as source_system,
    batch_id
from {{ ref('stg_shopfloor__steps') }}
