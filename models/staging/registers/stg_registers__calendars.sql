-- Grain: one row per calendar, weekday, shift and start of validity.
select
    calendar_code,
    try_cast(weekday as integer) as weekday_no,
    {{ clock_seconds('opens_at') }} as opens_second,
    {{ clock_seconds('closes_at') }} as closes_second,
    timezone,
    try_cast(valid_from as date) as valid_from,
    try_cast(valid_to as date) as valid_to
from {{ ref('calendars') }}
