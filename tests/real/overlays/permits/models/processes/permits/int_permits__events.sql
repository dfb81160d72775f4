-- Grain: one row per task done.
select
    'permits' as process_code,
    request_no as process_instance_id,
    task_no as event_id,
    activity_code,
    cast(null as timestamp) as started_at,
    done_at as occurred_at,
    clerk_id as resource_id,
    team_code as org_unit_code,
    'town' as source_system,
    batch_id
from {{ ref('stg_town__tasks') }}
