-- Grain: one row per document, on its day.
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
        on freshness.kpi_code = 'retail.credited_value_pct'
)

select
    'retail.credited_value_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    started_on as measured_on,
    case
        when reason is null
            then case when outcome_code = 'credit' then -cost_cents else 0 end
    end as numerator,
    case
        when reason is null
            then case when outcome_code = 'credit' then 0 else cost_cents end
    end as denominator,
    case
        when reason is null then 'counted'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
