-- Grain: one row per month, channel and kind of customer (outside, sister company).
with newest as (
    select max(_period) as snapshot_period
    from {{ source('finance', 'revenue') }}
)

select
    revenues.month as month_start_on,
    coalesce(nullif(trim(revenues.channel), ''), 'unknown') as channel_code,
    coalesce(revenues.intercompany, false) as is_intercompany,
    cast(sum(revenues.revenue * 100) as bigint) as revenue_cents
from {{ source('finance', 'revenue') }} as revenues
-- Each file is the whole of the books: earlier ones are superseded, not added.
inner join newest
    on revenues._period = newest.snapshot_period
where revenues.month is not null
group by
    revenues.month,
    coalesce(nullif(trim(revenues.channel), ''), 'unknown'),
    coalesce(revenues.intercompany, false)
