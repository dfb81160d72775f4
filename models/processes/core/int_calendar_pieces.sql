-- Grain: one row per calendar, local day and stretch of opening hours within that day.
with calendars as (
    select * from {{ ref('stg_registers__calendars') }}
),

exceptions as (
    select * from {{ ref('stg_registers__calendar_days') }}
),

-- Only days for which some hours are valid: between two versions nothing is known.
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

closed_days as (
    select distinct
        calendar_code,
        local_date
    from exceptions
    where not is_open
),

exceptional_days as (
    select distinct
        calendar_code,
        local_date
    from exceptions
),

shifts as (
    select
        days.calendar_code,
        days.timezone,
        days.local_date,
        calendars.opens_second,
        calendars.closes_second
    from days
    inner join calendars
        on days.calendar_code = calendars.calendar_code
        and {{ iso_weekday('days.local_date') }} = calendars.weekday_no
        and days.local_date >= calendars.valid_from
        and days.local_date < calendars.valid_to
    left join exceptional_days
        on days.calendar_code = exceptional_days.calendar_code
        and days.local_date = exceptional_days.local_date
    where exceptional_days.local_date is null
    union all
    select
        days.calendar_code,
        days.timezone,
        days.local_date,
        exceptions.opens_second,
        exceptions.closes_second
    from days
    inner join exceptions
        on days.calendar_code = exceptions.calendar_code
        and days.local_date = exceptions.local_date
    where exceptions.is_open
),

-- A shift that closes at or before it opens ends on the next day, 24:00 does not.
cut_at_midnight as (
    select
        calendar_code,
        timezone,
        local_date,
        opens_second,
        case
            when closes_second <= opens_second then 86400
            else closes_second
        end as closes_second
    from shifts
    union all
    select
        shifts.calendar_code,
        shifts.timezone,
        {{ add_days('shifts.local_date', 1) }} as local_date,
        0 as opens_second,
        shifts.closes_second
    from shifts
    left join closed_days
        on shifts.calendar_code = closed_days.calendar_code
        and {{ add_days('shifts.local_date', 1) }} = closed_days.local_date
    where
        shifts.closes_second <= shifts.opens_second
        and shifts.closes_second > 0
        -- A holiday covers its whole local day, the end of last night's shift too.
        and closed_days.local_date is null
),

walls as (
    select
        calendar_code,
        timezone,
        local_date,
        {{ add_seconds('cast(local_date as timestamp)', 'opens_second') }}
            as opens_wall,
        {{ add_seconds('cast(local_date as timestamp)', 'closes_second') }}
            as closes_wall
    from cut_at_midnight
),

instants as (
    select
        calendar_code,
        local_date,
        {{ local_to_utc_first('opens_wall', 'timezone') }} as opens_at,
        {{ local_to_utc_first('closes_wall', 'timezone') }} as closes_at
    from walls
)

select
    calendar_code,
    local_date,
    row_number() over (
        partition by calendar_code, local_date
        order by opens_at, closes_at
    ) as piece_no,
    opens_at,
    closes_at,
    {{ elapsed_seconds('opens_at', 'closes_at') }} as open_seconds
from instants
