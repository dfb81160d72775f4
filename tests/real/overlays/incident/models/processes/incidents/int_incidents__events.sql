-- Grain: one row per update of an incident.
select
    'incidents' as process_code,
    incident_no as process_instance_id,
    incident_no
    || '/' || cast({{ epoch_seconds('updated_at') }} as varchar)
    || '/' || lpad(cast(update_no as varchar), 5, '0') as event_id,
    state_code as activity_code,
    cast(null as timestamp) as started_at,
    -- The log knows minutes and counts its updates: the count as microseconds keeps
    -- the order within a minute, and whole seconds leave it out of every duration.
    updated_at + update_no * interval '1' microsecond as occurred_at,
    assignee_id as resource_id,
    assignment_group_code as org_unit_code,
    'servicenow' as source_system,
    batch_id
from {{ ref('stg_servicenow__incident_updates') }}
