-- Grain: one row per step of a job on a machine.
select
    -- The export numbers nothing. Rows equal in all columns are one row sent twice, so
    -- that everything it says of a step tells it from every other.
    job_no || '/' || activity || '/' || worker_id
    || '/' || cast({{ epoch_seconds('started_at') }} as varchar)
    || '/' || cast({{ epoch_seconds('completed_at') }} as varchar)
    || '/' || cast(completed_units as varchar)
    || '/' || cast(rejected_units as varchar)
    || '/' || cast(review_units as varchar)
    || '/' || report_type
    || '/' || coalesce(rework_mark, 'N') as step_id,
    job_no,
    activity as activity_code,
    worker_id,
    started_at,
    completed_at,
    cast(completed_units as bigint) as completed_units,
    cast(rejected_units as bigint) as rejected_units,
    coalesce(rework_mark = 'Y', false) as is_rework,
    _batch_id as batch_id
from {{ source('shopfloor', 'steps') }}
