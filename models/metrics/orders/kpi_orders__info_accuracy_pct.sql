-- Grain: one row per order, on its local day of receipt.
with scoped as (
    select
        orders.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_orders__instances') }} as orders
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'orders.info_accuracy_pct'
    where orders.known_since_at < freshness.data_as_of
),

reasoned as (
    select
        *,
        case
            when is_test then 'test_record'
            when is_cancelled then 'cancelled'
            when received_at is null then 'missing_milestone'
            -- Errors surface until the order leaves; judging earlier would flatter.
            when not has_left then 'not_shipped_yet'
        end as reason
    from scoped
)

select
    'orders.info_accuracy_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    coalesce(received_on, known_since_on) as measured_on,
    case
        when reason is not null then cast(null as bigint)
        -- A customer who changes his mind is no error of the order desk.
        when correction_reason_code = 'entry_error' then cast(0 as bigint)
        else cast(1 as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_shipped_yet' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
