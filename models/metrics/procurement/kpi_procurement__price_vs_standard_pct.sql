-- Grain: one row per requisition line with a receipt, on the local day of the receipt.
with reasoned as (
    select
        order_lines.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            -- Exchange rates are no purchasing result; an unknown currency may be any.
            when coalesce(order_lines.currency_code, '') <> 'CNY'
                then 'foreign_currency'
            when order_lines.standard_price_cents is null then 'no_standard_price'
        end as reason
    from {{ ref('int_procurement__instances') }} as order_lines
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'procurement.price_vs_standard_pct'
    where
        order_lines.known_since_at < freshness.data_as_of
        and order_lines.received_on is not null
)

select
    'procurement.price_vs_standard_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    received_on as measured_on,
    case
        when reason is null
            then cast(received_units * unit_price_cents as bigint)
    end as numerator,
    case
        when reason is null
            then cast(received_units * standard_price_cents as bigint)
    end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
