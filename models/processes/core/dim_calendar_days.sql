-- Grain: one row per calendar and local day of the years entered.
with calendars as (
    select * from {{ ref('stg_registers__calendars') }}
),

validities as (
    select distinct
        calendar_code,
        timezone,
        valid_from,
        valid_to
    from calendars
),

days as (
    select distinct
        calendar_code,
        timezone,
        {{ each_date('valid_from', add_days('valid_to', -1)) }} as local_date
    from validities
),

pieces as (
    select
        calendar_code,
        local_date,
        max(case when piece_no = 1 then opens_at end) as open_1,
        max(case when piece_no = 1 then closes_at end) as close_1,
        max(case when piece_no = 2 then opens_at end) as open_2,
        max(case when piece_no = 2 then closes_at end) as close_2,
        cast(sum(open_seconds) as bigint) as open_seconds
    from {{ ref('int_calendar_pieces') }}
    group by calendar_code, local_date
),

names as (
    select
        calendar_code,
        local_date,
        max(name_en) as name_en,
        max(name_zh) as name_zh
    from {{ ref('stg_registers__calendar_days') }}
    group by calendar_code, local_date
),

joined as (
    select
        days.calendar_code,
        days.local_date,
        days.timezone,
        names.name_en,
        names.name_zh,
        pieces.open_1,
        pieces.close_1,
        pieces.open_2,
        pieces.close_2,
        coalesce(pieces.open_seconds, 0) as working_seconds
    from days
    left join pieces
        on days.calendar_code = pieces.calendar_code
        and days.local_date = pieces.local_date
    left join names
        on days.calendar_code = names.calendar_code
        and days.local_date = names.local_date
)

select
    calendar_code,
    local_date,
    timezone,
    cast({{ iso_weekday('local_date') }} as integer) as weekday_no,
    working_seconds > 0 as is_working_day,
    name_en,
    name_zh,
    open_1,
    close_1,
    open_2,
    close_2,
    working_seconds,
    cast(
        sum(working_seconds) over (
            partition by calendar_code
            order by local_date
            rows between unbounded preceding and current row
        ) - working_seconds as bigint
    ) as seconds_before
from joined
