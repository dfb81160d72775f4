-- Grain: one row per change of status of an incident.
select
    'support' as process_code,
    case_no as process_instance_id,
    change_id as event_id,
    activity_code,
    cast(null as timestamp) as started_at,
    occurred_at,
    owner_id as resource_id,
    team_code as org_unit_code,
    'vinst' as source_system,
    batch_id
from {{ ref('stg_vinst__incident_changes') }}
