-- Grain: one row per step of an application, open steps included.
select
    'loans' as process_code,
    application_no as process_instance_id,
    event_id,
    activity_code,
    case when is_work then started_at else occurred_at end as started_at,
    occurred_at,
    resource_id,
    cast(null as varchar) as org_unit_code,
    'bank' as source_system,
    batch_id
from {{ ref('int_loans__steps_paired') }}
