-- Grain: one row per order, on the local day of its first dispatch; while open, on the
-- last covered day.
with scoped as (
    select
        orders.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_orders__instances') }} as orders
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'orders.dispatch_accuracy_pct'
    where orders.known_since_at < freshness.data_as_of
),

reasoned as (
    select
        *,
        case
            when is_test then 'test_record'
            when is_cancelled then 'cancelled'
            when
                dispatched_at is null
                and (
                    redispatched_at is not null
                    or first_pick_at is not null
                    or has_left
                )
                then 'missing_milestone'
            when dispatched_at is null then 'not_dispatched_yet'
            -- Until the carrier has it, the order may still be dispatched again.
            when not has_left then 'not_shipped_yet'
        end as reason
    from scoped
)

select
    'orders.dispatch_accuracy_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    case
        when reason = 'not_dispatched_yet'
            then {{ last_covered_date('kpi_data_as_of') }}
        else coalesce(dispatched_on, received_on, known_since_on)
    end as measured_on,
    case
        when reason is not null then cast(null as bigint)
        -- Moving work to a warehouse with free hands is no error.
        when redispatch_reason_code = 'dispatch_error' then cast(0 as bigint)
        else cast(1 as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_dispatched_yet' then 'open'
        when reason = 'not_shipped_yet' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
