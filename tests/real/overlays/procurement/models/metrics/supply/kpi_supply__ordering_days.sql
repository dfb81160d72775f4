-- Grain: one row per delivered line, on the day of its order, else of its delivery.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            -- The own warehouse is no supplier: nothing was ordered.
            when instances.is_own_warehouse then 'internal_supplier'
            when instances.quoted_on is null or instances.ordered_on is null
                then 'missing_milestone'
            when instances.ordered_on < instances.quoted_on then 'reversed_clock'
        end as reason
    from {{ ref('int_supply__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'supply.ordering_days'
)

select
    'supply.ordering_days' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    coalesce(ordered_on, delivered_on) as measured_on,
    case
        when reason is null
            then {{ elapsed_seconds(
                'cast(quoted_on as timestamp)', 'cast(ordered_on as timestamp)'
            ) }}
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
