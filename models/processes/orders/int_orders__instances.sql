-- Grain: one row per order number that any of the four exports mentions.
with picked as (
    select
        order_no,
        min(coalesce(pick_started_at, picked_at)) as first_pick_at,
        max(picked_at) as last_picked_at,
        max(coalesce(packed_at, rechecked_at)) as last_packed_at,
        max(case when recheck_result_code = 'ERR' then 1 else 0 end) as recheck_errors
    from {{ ref('stg_wms__picks') }}
    group by order_no
),

scanned as (
    select
        order_no,
        min(scanned_at) as first_scan_at,
        -- The order has left when its last parcel has.
        max(case when event_code = 'accepted' then scanned_at end) as shipped_at,
        max(case when event_code = 'delivered' then scanned_at end) as delivered_at,
        max(case when event_code = 'refused' then scanned_at end) as refused_at
    from {{ ref('stg_carrier__shipment_events') }}
    group by order_no
),

answered as (
    select
        order_no,
        min(answered_on) as answered_on,
        max(case when answer_no = 1 and score between 1 and 5 then score end) as score
    from {{ ref('stg_survey__delivery_answers') }}
    where order_no is not null
    group by order_no
),

mentioned as (
    select order_no from {{ ref('stg_erp__orders') }}
    union
    select order_no from picked
    union
    select order_no from scanned
    union
    select order_no from answered
),

-- What decides whether an order is still open; the monthly survey does not.
freshness as (
    select
        case
            when count(*) = count(data_as_of)
                then least(min(data_as_of), {{ as_of() }})
        end as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code in ('erp.orders', 'wms.picks', 'carrier.shipments')
),

milestones as (
    select
        mentioned.order_no,
        coalesce(orders.category_code, 'unknown') as segment_code,
        orders.customer_id,
        coalesce(orders.channel_code = 'test', false) as is_test,
        orders.cancelled_at is not null as is_cancelled,
        orders.warehouse_code,
        orders.hold_reason_code,
        orders.correction_reason_code,
        orders.redispatch_reason_code,
        orders.return_reason_code,
        orders.received_at,
        orders.checked_at,
        orders.dispatched_at,
        orders.redispatched_at,
        picked.first_pick_at,
        picked.last_picked_at,
        picked.last_packed_at,
        coalesce(picked.recheck_errors, 0) = 1 as has_recheck_error,
        scanned.shipped_at,
        scanned.delivered_at,
        scanned.refused_at,
        orders.returned_at,
        orders.cancelled_at,
        answered.score,
        scanned.order_no is not null
        or answered.order_no is not null
        or orders.returned_at is not null as has_left,
        -- Without an ERP row an order is known from its first trace elsewhere.
        coalesce(
            orders.received_at,
            least(
                orders.dispatched_at,
                picked.first_pick_at,
                scanned.first_scan_at,
                {{ local_to_utc('cast(answered.answered_on as timestamp)') }}
            )
        ) as known_since_at
    from mentioned
    left join {{ ref('stg_erp__orders') }} as orders
        on mentioned.order_no = orders.order_no
    left join picked
        on mentioned.order_no = picked.order_no
    left join scanned
        on mentioned.order_no = scanned.order_no
    left join answered
        on mentioned.order_no = answered.order_no
)

select
    'orders' as process_code,
    milestones.order_no as process_instance_id,
    milestones.segment_code,
    milestones.received_at as started_at,
    milestones.shipped_at as ended_at,
    {{ local_date('milestones.received_at') }} as started_on,
    {{ local_date('milestones.shipped_at') }} as ended_on,
    milestones.is_cancelled,
    case
        when milestones.is_cancelled then 'cancelled'
        when milestones.returned_at is not null then 'returned'
        when milestones.refused_at is not null then 'refused'
        when milestones.delivered_at is not null then 'delivered'
    end as outcome_code,
    case
        when milestones.is_test then 'test_record'
        when milestones.received_at is null then 'missing_milestone'
        when milestones.shipped_at is null and milestones.has_left
            then 'missing_milestone'
        when milestones.shipped_at < milestones.received_at then 'reversed_clock'
    end as exclusion_reason,
    cast(null as timestamp) as due_at,
    milestones.customer_id as requester_id,
    cast(milestones.score as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of,
    milestones.is_test,
    milestones.warehouse_code,
    milestones.hold_reason_code,
    milestones.correction_reason_code,
    milestones.redispatch_reason_code,
    milestones.return_reason_code,
    milestones.received_at,
    milestones.checked_at,
    milestones.dispatched_at,
    milestones.redispatched_at,
    milestones.first_pick_at,
    milestones.last_picked_at,
    milestones.last_packed_at,
    milestones.has_recheck_error,
    milestones.shipped_at,
    milestones.delivered_at,
    milestones.refused_at,
    milestones.returned_at,
    milestones.cancelled_at,
    milestones.has_left,
    milestones.known_since_at,
    {{ local_date('milestones.received_at') }} as received_on,
    {{ local_date('milestones.dispatched_at') }} as dispatched_on,
    {{ local_date('milestones.last_picked_at') }} as picked_on,
    {{ local_date('milestones.shipped_at') }} as shipped_on,
    {{ local_date('milestones.known_since_at') }} as known_since_on
from milestones
cross join freshness
