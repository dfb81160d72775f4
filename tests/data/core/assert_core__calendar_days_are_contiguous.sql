-- A gap between two years would read as if nobody had worked in it.
select
    calendar_code,
    min(local_date) as first_day_on,
    max(local_date) as last_day_on,
    count(*) as calendar_days
from {{ ref('dim_calendar_days') }}
group by calendar_code
having max(local_date) <> {{ add_days('min(local_date)', 'count(*) - 1') }}
