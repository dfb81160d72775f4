-- Grain: one row per order that was delivered, refused or returned, on the local day of
-- the first of these that is known, in this order.
with scoped as (
    select
        orders.*,
        {{ local_date(
            'coalesce(orders.delivered_at, orders.refused_at, orders.returned_at)'
        ) }} as reached_on,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_orders__instances') }} as orders
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'quality.return_rate_pct'
    where
        coalesce(orders.delivered_at, orders.refused_at, orders.returned_at)
        < freshness.data_as_of
),

reasoned as (
    select
        *,
        coalesce(
            {{ elapsed_seconds('delivered_at', 'returned_at') }} <= 30 * 86400, false
        ) as is_returned_in_time,
        case
            when is_test then 'test_record'
            when refused_at is not null then 'refused_at_door'
            when delivered_at is null then 'missing_milestone'
            when returned_at < delivered_at then 'reversed_clock'
            -- A return known early waits too: early hits would blacken young cohorts.
            when kpi_data_as_of < {{ add_seconds('delivered_at', 30 * 86400) }}
                then 'window_running'
        end as reason
    from scoped
)

select
    'quality.return_rate_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    reached_on as measured_on,
    case
        when reason is null
            then cast(case when is_returned_in_time then 1 else 0 end as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'window_running' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
