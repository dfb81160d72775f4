-- Grain: one row per order, on the local day its last line was picked; while open, on
-- the last covered day.
with scoped as (
    select
        orders.*,
        freshness.data_as_of as kpi_data_as_of,
        -- Customers find what the recheck missed, up to 30 days later.
        coalesce(
            orders.return_reason_code = 'wrong_item'
            and {{ elapsed_seconds('orders.last_picked_at', 'orders.returned_at') }}
            <= 30 * 86400,
            false
        ) as has_wrong_item_return
    from {{ ref('int_orders__instances') }} as orders
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'orders.pick_accuracy_pct'
    where orders.known_since_at < freshness.data_as_of
),

reasoned as (
    select
        *,
        case
            when is_test then 'test_record'
            when is_cancelled then 'cancelled'
            when
                last_picked_at is null
                and (has_left or last_packed_at is not null)
                then 'missing_milestone'
            when last_picked_at is null then 'not_picked_yet'
        end as reason
    from scoped
)

select
    'orders.pick_accuracy_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    case
        when reason = 'not_picked_yet'
            then {{ last_covered_date('kpi_data_as_of') }}
        else coalesce(picked_on, received_on, known_since_on)
    end as measured_on,
    case
        when reason is not null then cast(null as bigint)
        when has_recheck_error or has_wrong_item_return then cast(0 as bigint)
        else cast(1 as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_picked_yet' then 'open'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
