-- Grain: one row per requisition line.
with freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'erp.purchase_orders'
),

known as (
    select
        *,
        -- Confirmed or received without an order: its date got lost.
        po_issued_at is null
        and (promised_on is not null or received_on is not null) as is_order_date_lost,
        coalesce(
            least(
                requested_at,
                approved_1_at,
                approved_2_at,
                quoted_at,
                po_issued_at,
                cancelled_at,
                {{ local_to_utc('cast(received_on as timestamp)') }}
            ),
            -- Nothing has happened to it that we know of, but it is there.
            updated_at
        ) as known_since_at
    from {{ ref('stg_erp__purchase_order_lines') }}
)

select
    'procurement' as process_code,
    known.requisition_line_no as process_instance_id,
    coalesce(known.category_code, 'unknown') as segment_code,
    known.requested_at as started_at,
    known.po_issued_at as ended_at,
    {{ local_date('known.requested_at') }} as started_on,
    {{ local_date('known.po_issued_at') }} as ended_on,
    known.cancelled_at is not null as is_cancelled,
    case
        when known.cancelled_at is not null then 'cancelled'
        when known.received_units >= known.ordered_units then 'received'
        when known.po_issued_at is not null then 'ordered'
    end as outcome_code,
    case
        when known.requested_at is null or known.is_order_date_lost
            then 'missing_milestone'
        when known.po_issued_at < known.requested_at then 'reversed_clock'
    end as exclusion_reason,
    -- The requested day is one for the goods, not for the order.
    cast(null as timestamp) as due_at,
    cast(null as string) as requester_id,
    cast(null as double) as score,
    case
        when known.currency_code = 'CNY'
            then known.ordered_units * known.unit_price_cents
    end as cost_cents,
    freshness.data_as_of,
    known.po_no,
    known.is_change_order,
    known.cancelled_by_code,
    known.supplier_id,
    known.is_internal_supplier,
    known.item_code,
    known.currency_code,
    known.is_order_date_lost,
    known.approved_1_at,
    known.approved_2_at,
    known.quoted_at,
    known.cancelled_at,
    {{ local_date('known.cancelled_at') }} as cancelled_on,
    known.requested_on,
    known.promised_on,
    known.received_on,
    known.ordered_units,
    known.received_units,
    known.unit_price_cents,
    known.standard_price_cents,
    known.known_since_at,
    {{ local_date('known.known_since_at') }} as known_since_on
from known
cross join freshness
