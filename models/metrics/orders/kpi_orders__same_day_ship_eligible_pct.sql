-- Grain: one row per order, on its local day of receipt.
with scoped as (
    select
        orders.*,
        freshness.data_as_of as kpi_data_as_of,
        {{ elapsed_seconds(
            'cast(orders.received_on as timestamp)',
            utc_to_local('orders.received_at')
        ) }} as received_second_of_day
    from {{ ref('int_orders__instances') }} as orders
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'orders.same_day_ship_eligible_pct'
    where orders.known_since_at < freshness.data_as_of
),

reasoned as (
    select
        *,
        case
            when is_test then 'test_record'
            when is_cancelled then 'cancelled'
            when hold_reason_code in ('backorder', 'credit_hold', 'future_dated')
                then hold_reason_code
            -- From 15:00 on the carrier's pick-up can no longer be promised.
            when received_second_of_day >= 15 * 3600 then 'after_cutoff'
            when received_at is null then 'missing_milestone'
            when shipped_at is null and has_left then 'missing_milestone'
            when shipped_at < received_at then 'reversed_clock'
            -- Midnight decides, also for orders that have left already.
            when received_on >= {{ local_date('kpi_data_as_of') }}
                then 'day_not_over'
        end as reason
    from scoped
)

select
    'orders.same_day_ship_eligible_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    coalesce(received_on, known_since_on) as measured_on,
    case
        when reason is not null then cast(null as bigint)
        when shipped_on = received_on then cast(1 as bigint)
        else cast(0 as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'day_not_over' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
