-- Grain: one row per inspection and per release of a lot.
with all_events as (
    select
        lot_no,
        inspection_id as event_id,
        case when inspection_no = 1 then 'inspect_first' else 'reinspect' end
            as activity_code,
        inspected_at as occurred_at,
        inspector_id as resource_id,
        batch_id
    from {{ ref('stg_mes__inspections') }}
    where inspected_at is not null
    union all
    select
        lot_no,
        inspection_id || '-release' as event_id,
        'release' as activity_code,
        released_at as occurred_at,
        cast(null as string) as resource_id,
        batch_id
    from {{ ref('stg_mes__inspections') }}
    where released_at is not null
)

select
    'quality' as process_code,
    lot_no as process_instance_id,
    event_id,
    activity_code,
    -- The MES logs the end of an inspection only.
    cast(null as timestamp) as started_at,
    occurred_at,
    resource_id,
    'quality' as org_unit_code,
    'mes' as source_system,
    batch_id
from all_events
