-- Grain: one row per calendar, exceptional local day and shift.
select
    calendar_code,
    try_cast(day as date) as local_date,
    {{ clock_seconds('opens_at') }} as opens_second,
    {{ clock_seconds('closes_at') }} as closes_second,
    try_cast(is_open as boolean) as is_open,
    name_en,
    name_zh
from {{ ref('calendar_days') }}
