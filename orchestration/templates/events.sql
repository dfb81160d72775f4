-- Grain: one row per milestone that a case has reached.
with milestones as (
    select
        <decide case_id: the column that identifies a case> as case_no,
        '<decide first_step: its code on the process map>' as activity_code,
        <decide first_time: the column with its moment> as occurred_at,
        batch_id
    from {{ ref('<decide staging: the staging model of the case>') }}
    union all
    select
        <decide case_id: the column that identifies a case> as case_no,
        '<decide last_step: its code on the process map>' as activity_code,
        <decide last_time: the column with its moment> as occurred_at,
        batch_id
    from {{ ref('<decide staging: the staging model of the case>') }}
)

select
    '$pack' as process_code,
    case_no as process_instance_id,
    case_no || '/' || activity_code as event_id,
    activity_code,
    cast(null as timestamp) as started_at,
    occurred_at,
    cast(null as varchar) as resource_id,
    cast(null as varchar) as org_unit_code,
    '<decide source_system: the source>' as source_system,
    batch_id
from milestones
where occurred_at is not null
