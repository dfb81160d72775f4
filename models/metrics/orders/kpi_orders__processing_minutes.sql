-- Grain: one row per order, on the local day its last parcel left; while open, on the
-- last covered day.
with scoped as (
    select
        orders.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_orders__instances') }} as orders
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'orders.processing_minutes'
    where orders.known_since_at < freshness.data_as_of
),

clocked as (
    select
        scoped.*,
        {{ working_seconds_between(
            'scoped.received_at', 'scoped.shipped_at', 'received_day', 'shipped_day'
        ) }} as processing_working_seconds
    from scoped
    {{ join_calendar_day('received_day', "'warehouse'", 'scoped.received_at') }}
    {{ join_calendar_day('shipped_day', "'warehouse'", 'scoped.shipped_at') }}
),

reasoned as (
    select
        *,
        case
            when is_test then 'test_record'
            when is_cancelled then 'cancelled'
            -- These wait for stock, payment or a date, not for order processing.
            when hold_reason_code in ('backorder', 'credit_hold', 'future_dated')
                then hold_reason_code
            when received_at is null then 'missing_milestone'
            when shipped_at is null and has_left then 'missing_milestone'
            when shipped_at < received_at then 'reversed_clock'
            when shipped_at is null then 'not_shipped_yet'
            when processing_working_seconds is null then 'calendar_incomplete'
        end as reason
    from clocked
)

select
    'orders.processing_minutes' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    case
        when reason = 'not_shipped_yet'
            then {{ last_covered_date('kpi_data_as_of') }}
        else coalesce(shipped_on, received_on, known_since_on)
    end as measured_on,
    case
        when reason is null
            then cast(processing_working_seconds as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_shipped_yet' then 'open'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
