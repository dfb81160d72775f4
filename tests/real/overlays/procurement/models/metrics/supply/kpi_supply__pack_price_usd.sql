-- Grain: one row per delivered line, on the day of its delivery.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when instances.cost_cents = 0 then 'free_of_charge'
        end as reason
    from {{ ref('int_supply__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'supply.pack_price_usd'
)

select
    'supply.pack_price_usd' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    delivered_on as measured_on,
    case when reason is null then cost_cents end as numerator,
    case when reason is null then packs end as denominator,
    case
        when reason is null then 'counted'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
