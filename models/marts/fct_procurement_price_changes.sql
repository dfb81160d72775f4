-- Grain: one row per month and item received in it or in the month before.
with receipts as (
    select
        cast(date_trunc('month', observations.measured_on) as date) as month_start_on,
        coalesce(order_lines.item_code, 'unknown') as item_code,
        sum(observations.denominator) as units,
        sum(observations.numerator) as cents
    from {{ ref('kpi_procurement__unit_price_cny') }} as observations
    inner join {{ ref('int_procurement__instances') }} as order_lines
        on observations.subject_id = order_lines.process_instance_id
    where observations.state = 'counted'
    group by
        cast(date_trunc('month', observations.measured_on) as date),
        coalesce(order_lines.item_code, 'unknown')
    having sum(observations.denominator) > 0
),

shares as (
    select
        month_start_on,
        item_code,
        units,
        cents,
        cast(units as double)
        / sum(units) over (partition by month_start_on) as unit_share,
        cents / 100.0 / units as unit_price_cny
    from receipts
),

a_month_later as (
    select
        *,
        cast(month_start_on + interval 1 month as date) as next_month_start_on
    from shares
),

-- Months that follow one with receipts; others have nothing to be compared with.
months as (
    select distinct shares.month_start_on
    from shares
    inner join a_month_later
        on shares.month_start_on = a_month_later.next_month_start_on
),

compared as (
    select
        coalesce(shares.month_start_on, earlier.next_month_start_on) as month_start_on,
        coalesce(shares.item_code, earlier.item_code) as item_code,
        case
            when earlier.item_code is null then 'new'
            when shares.item_code is null then 'gone'
            else 'both'
        end as item_state,
        coalesce(shares.units, 0) as received_units,
        coalesce(earlier.units, 0) as prior_received_units,
        coalesce(shares.unit_share, 0) as unit_share,
        coalesce(earlier.unit_share, 0) as prior_unit_share,
        shares.unit_price_cny,
        earlier.unit_price_cny as prior_unit_price_cny,
        -- What is bought in one month only has no change of price: all of it is mix.
        coalesce(shares.unit_price_cny, earlier.unit_price_cny) as price_after_cny,
        coalesce(earlier.unit_price_cny, shares.unit_price_cny) as price_before_cny
    from shares
    full outer join a_month_later as earlier
        on shares.month_start_on = earlier.next_month_start_on
        and shares.item_code = earlier.item_code
)

select
    compared.month_start_on,
    compared.item_code,
    compared.item_state,
    cast(compared.received_units as bigint) as received_units,
    cast(compared.prior_received_units as bigint) as prior_received_units,
    compared.unit_price_cny,
    compared.prior_unit_price_cny,
    round(
        (compared.unit_share + compared.prior_unit_share) / 2
        * (compared.price_after_cny - compared.price_before_cny),
        9
    ) as price_effect_cny,
    round(
        (compared.price_after_cny + compared.price_before_cny) / 2
        * (compared.unit_share - compared.prior_unit_share),
        9
    ) as mix_effect_cny
from compared
inner join months
    on compared.month_start_on = months.month_start_on
