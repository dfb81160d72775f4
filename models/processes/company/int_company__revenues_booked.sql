-- Grain: one row per month, channel and kind of customer, beside the year before.
with booked as (
    select * from {{ ref('stg_finance__monthly_revenues') }}
),

span as (
    select
        min(month_start_on) as first_month_on,
        max(month_start_on) as last_month_on
    from booked
),

a_year_later as (
    select
        cast(month_start_on + interval 1 year as date) as month_start_on,
        channel_code,
        is_intercompany,
        revenue_cents
    from booked
),

compared as (
    -- A channel of only one of the two years counts as well, against nothing.
    select
        coalesce(booked.month_start_on, a_year_later.month_start_on) as month_start_on,
        coalesce(booked.channel_code, a_year_later.channel_code) as channel_code,
        coalesce(booked.is_intercompany, a_year_later.is_intercompany)
            as is_intercompany,
        coalesce(booked.revenue_cents, 0) as revenue_cents,
        coalesce(a_year_later.revenue_cents, 0) as prior_year_revenue_cents
    from booked
    full outer join a_year_later
        on booked.month_start_on = a_year_later.month_start_on
        and booked.channel_code = a_year_later.channel_code
        and booked.is_intercompany = a_year_later.is_intercompany
)

select
    substr(cast(compared.month_start_on as string), 1, 7)
    || '/' || compared.channel_code
    || case when compared.is_intercompany then '/intercompany' else '' end
        as revenue_id,
    compared.month_start_on,
    cast(compared.month_start_on + interval 1 month - interval 1 day as date)
        as month_end_on,
    compared.channel_code,
    compared.is_intercompany,
    compared.revenue_cents,
    compared.prior_year_revenue_cents
from compared
cross join span
where
    -- The first year has nothing to be compared with.
    compared.month_start_on >= span.first_month_on + interval 1 year
    and compared.month_start_on <= span.last_month_on
