-- A row here is a month whose unit price moved by another amount than its price and mix
-- effects say; a millionth is rounding.
with effects as (
    select
        month_start_on,
        sum(price_effect_cny + mix_effect_cny) as effect_cny
    from {{ ref('fct_procurement_price_changes') }}
    group by month_start_on
),

months as (
    select
        period_start,
        value,
        cast(period_start + interval 1 month as date) as next_period_start
    from {{ ref('fct_kpi_values') }}
    where
        kpi_code = 'procurement.unit_price_cny'
        and period_grain = 'month'
        and segment_code = 'all'
)

select
    months.period_start,
    months.value - prior_months.value as change_cny,
    effects.effect_cny
from months
inner join months as prior_months
    on months.period_start = prior_months.next_period_start
left join effects
    on months.period_start = effects.month_start_on
where
    abs(months.value - prior_months.value - coalesce(effects.effect_cny, 0)) > 0.000001
    or (
        effects.effect_cny is null
        and months.value is not null
        and prior_months.value is not null
    )
