-- Grain: one row per lead and local day on which it was due a contact or had one.
with spans as (
    select
        process_instance_id,
        assigned_on as first_on,
        least(
            coalesce(closed_on, {{ last_covered_date('data_as_of') }}),
            {{ last_covered_date('data_as_of') }}
        ) as last_on
    from {{ ref('int_leads__instances') }}
    where assigned_at is not null
),

days as (
    select
        process_instance_id,
        {{ each_date('first_on', 'last_on') }} as local_date
    from spans
    -- A lead closed before its assignment has no days; its contacts stay.
    where first_on <= last_on
),

lead_days as (
    select
        days.process_instance_id,
        days.local_date,
        calendar.local_date is null as is_calendar_missing
    from days
    left join {{ ref('dim_calendar_days') }} as calendar
        on days.local_date = calendar.local_date
        and calendar.calendar_code = 'office'
        and calendar.timezone = {{ zone_literal() }}
    where coalesce(calendar.is_working_day, true)
),

contacts as (
    select
        lead_id as process_instance_id,
        {{ local_date('contacted_at') }} as local_date,
        is_by_person
    from {{ ref('stg_crm__followups') }}
    where contacted_at is not null
),

parts as (
    select
        process_instance_id,
        local_date,
        1 as lead_days,
        case when is_calendar_missing then 1 else 0 end as days_outside_calendar,
        0 as contact_count,
        0 as automatic_count
    from lead_days
    union all
    select
        process_instance_id,
        local_date,
        0 as lead_days,
        0 as days_outside_calendar,
        case when is_by_person then 1 else 0 end as contact_count,
        case when is_by_person then 0 else 1 end as automatic_count
    from contacts
)

select
    process_instance_id,
    local_date,
    cast(sum(lead_days) as bigint) as lead_day_count,
    cast(sum(contact_count) as bigint) as contact_count,
    cast(sum(automatic_count) as bigint) as automatic_count,
    max(days_outside_calendar) = 1 as is_calendar_missing
from parts
group by process_instance_id, local_date
