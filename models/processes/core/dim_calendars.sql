-- Grain: one row per business calendar.
with days as (
    select * from {{ ref('dim_calendar_days') }}
),

spans as (
    select
        calendar_code,
        timezone,
        min(local_date) as first_day_on,
        max(local_date) as last_day_on,
        cast(sum(case when is_working_day then 1 else 0 end) as bigint) as working_days
    from days
    group by calendar_code, timezone
),

day_lengths as (
    select
        calendar_code,
        working_seconds,
        row_number() over (
            partition by calendar_code
            -- Of two equally frequent lengths the longer is the standard.
            order by count(*) desc, working_seconds desc
        ) as length_rank
    from days
    where is_working_day
    group by calendar_code, working_seconds
)

select
    spans.calendar_code,
    spans.timezone,
    spans.first_day_on,
    spans.last_day_on,
    spans.working_days,
    day_lengths.working_seconds as standard_day_seconds
from spans
left join day_lengths
    on spans.calendar_code = day_lengths.calendar_code
    and day_lengths.length_rank = 1
