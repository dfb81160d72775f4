-- Grain: one row per requisition line with a receipt, on the local day of the receipt.
with reasoned as (
    select
        order_lines.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when coalesce(order_lines.currency_code, '') <> 'CNY'
                then 'foreign_currency'
        end as reason
    from {{ ref('int_procurement__instances') }} as order_lines
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'procurement.unit_price_cny'
    where
        order_lines.known_since_at < freshness.data_as_of
        and order_lines.received_on is not null
)

select
    'procurement.unit_price_cny' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    received_on as measured_on,
    case
        when reason is null
            then cast(received_units * unit_price_cents as bigint)
    end as numerator,
    case when reason is null then cast(received_units as bigint) end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
