-- Grain: one row per update of an incident.
select
    incident_no,
    case
        -- A code the tool could not resolve; kept, since the update did happen.
        when state = '-100' then 'unknown'
        else lower(replace(state, ' ', '_'))
    end as state_code,
    update_no,
    updated_at,
    opened_at,
    caller_id,
    assignment_group as assignment_group_code,
    assigned_to as assignee_id,
    priority as priority_code,
    _batch_id as batch_id
from {{ source('servicenow', 'incident_updates') }}
