-- Grain: one row per invoice, on its day.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when instances.outcome_code = 'stock_note' then 'stock_note'
            when instances.goods_line_count = 0 then 'no_goods'
        end as reason
    from {{ ref('int_retail__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'retail.order_value_gbp'
    where instances.outcome_code <> 'credit'
)

select
    'retail.order_value_gbp' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    started_on as measured_on,
    case when reason is null then cost_cents end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
