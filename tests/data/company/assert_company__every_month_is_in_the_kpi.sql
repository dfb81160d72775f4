-- Cents of the books against cents of the observations: a row here is a month whose
-- revenue the KPI lost or counted twice, in its own year or in the next.
with freshness as (
    select {{ local_date('data_as_of') }} as uncovered_from
    from {{ ref('int_kpi_freshness') }}
    where kpi_code = 'company.revenue_vs_prior_year_pct'
),

span as (
    select min(month_start_on) + interval 1 year as compared_from
    from {{ ref('stg_finance__monthly_revenues') }}
),

booked as (
    select
        month_start_on,
        sum(revenue_cents) as revenue_cents
    from {{ ref('stg_finance__monthly_revenues') }}
    where not is_intercompany
    group by month_start_on
),

observed as (
    select
        cast(date_trunc('month', measured_on) as date) as month_start_on,
        sum(numerator) as revenue_cents,
        sum(denominator) as prior_year_revenue_cents
    from {{ ref('kpi_company__revenue_vs_prior_year_pct') }}
    group by cast(date_trunc('month', measured_on) as date)
)

select
    booked.month_start_on,
    booked.revenue_cents as booked_cents,
    observed.revenue_cents as observed_cents
from booked
cross join freshness
cross join span
left join booked as prior_year
    on prior_year.month_start_on + interval 1 year = booked.month_start_on
left join observed
    on booked.month_start_on = observed.month_start_on
where
    booked.month_start_on >= span.compared_from
    and booked.month_start_on + interval 1 month <= freshness.uncovered_from
    and (
        booked.revenue_cents <> coalesce(observed.revenue_cents, 0)
        or coalesce(prior_year.revenue_cents, 0)
        <> coalesce(observed.prior_year_revenue_cents, 0)
    )
