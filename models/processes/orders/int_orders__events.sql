-- Grain: one row per event of an order; the lines of one picking round are one event.
{% set milestones = [
    ('receive', 'received_at', 'order_desk'),
    ('check', 'checked_at', 'order_desk'),
    ('dispatch', 'dispatched_at', 'dispatch'),
    ('redispatch', 'redispatched_at', 'dispatch'),
    ('cancel', 'cancelled_at', 'order_desk'),
    ('return', 'returned_at', 'after_sales'),
] %}

with order_events as (
    {% for activity_code, moment, org_unit_code in milestones %}
    select
        order_no,
        '{{ activity_code }}' as event_no,
        '{{ activity_code }}' as activity_code,
        cast(null as timestamp) as started_at,
        {{ moment }} as occurred_at,
        cast(null as string) as resource_id,
        '{{ org_unit_code }}' as org_unit_code,
        'erp' as source_system,
        batch_id,
        cast(1 as bigint) as source_rows
    from {{ ref('stg_erp__orders') }}
    where {{ moment }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

picking_rounds as (
    -- Several lines are no rework; a line picked again is.
    select
        order_no,
        lpad(cast(pick_no as string), 2, '0') as round_no,
        min(pick_started_at) as started_at,
        max(picked_at) as picked_at,
        max(rechecked_at) as rechecked_at,
        max(packed_at) as packed_at,
        case
            when min(picker_id) = max(picker_id) then min(picker_id)
        end as picker_id,
        max(batch_id) as batch_id,
        count(*) as source_rows
    from {{ ref('stg_wms__picks') }}
    group by order_no, pick_no
),

warehouse_events as (
    select
        order_no,
        'pick-' || round_no as event_no,
        'pick' as activity_code,
        started_at,
        picked_at as occurred_at,
        picker_id as resource_id,
        batch_id,
        source_rows
    from picking_rounds
    where started_at is not null or picked_at is not null
    union all
    select
        order_no,
        'recheck-' || round_no as event_no,
        'recheck' as activity_code,
        cast(null as timestamp) as started_at,
        rechecked_at as occurred_at,
        cast(null as string) as resource_id,
        batch_id,
        source_rows
    from picking_rounds
    where rechecked_at is not null
    union all
    select
        order_no,
        'pack-' || round_no as event_no,
        'pack' as activity_code,
        cast(null as timestamp) as started_at,
        packed_at as occurred_at,
        cast(null as string) as resource_id,
        batch_id,
        source_rows
    from picking_rounds
    where packed_at is not null
),

all_events as (
    select * from order_events
    union all
    select
        order_no,
        event_no,
        activity_code,
        started_at,
        occurred_at,
        resource_id,
        'warehouse' as org_unit_code,
        'wms' as source_system,
        batch_id,
        source_rows
    from warehouse_events
    union all
    select
        order_no,
        'scan-' || event_id as event_no,
        -- A refused parcel or an exception is a delivery that has to be tried again.
        case event_code when 'accepted' then 'hand_over' else 'deliver' end
            as activity_code,
        cast(null as timestamp) as started_at,
        scanned_at as occurred_at,
        cast(null as string) as resource_id,
        case event_code when 'accepted' then 'shipping' else 'carrier' end
            as org_unit_code,
        'carrier' as source_system,
        batch_id,
        cast(1 as bigint) as source_rows
    from {{ ref('stg_carrier__shipment_events') }}
    union all
    select
        order_no,
        'answer-' || answer_id as event_no,
        'survey' as activity_code,
        cast(null as timestamp) as started_at,
        {{ local_to_utc('cast(answered_on as timestamp)') }} as occurred_at,
        cast(null as string) as resource_id,
        'service' as org_unit_code,
        'survey' as source_system,
        batch_id,
        cast(1 as bigint) as source_rows
    from {{ ref('stg_survey__delivery_answers') }}
    where order_no is not null
)

select
    'orders' as process_code,
    order_no as process_instance_id,
    order_no || '-' || event_no as event_id,
    activity_code,
    started_at,
    occurred_at,
    resource_id,
    org_unit_code,
    source_system,
    batch_id,
    source_rows
from all_events
