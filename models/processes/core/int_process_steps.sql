-- Grain: one row per step of a process instance, completed or still open.
{{ config(materialized='view') }}

with open_events as (
    select
        process_code,
        process_instance_id,
        event_id,
        cast(null as bigint) as event_no,
        activity_code,
        started_at,
        occurred_at,
        cast(null as date) as occurred_on,
        resource_id,
        org_unit_code
    from {{ ref('int_process_events') }}
    where occurred_at is null
),

completed_events as (
    select
        process_code,
        process_instance_id,
        event_id,
        event_no,
        activity_code,
        started_at,
        occurred_at,
        occurred_on,
        resource_id,
        org_unit_code
    from {{ ref('fct_events') }}
),

events as (
    select * from completed_events
    union all
    select * from open_events
),

instances as (
    select * from {{ ref('int_process_instances') }}
),

calendars as (
    select
        processes.process_code,
        calendars.calendar_code,
        calendars.timezone
    from {{ ref('dim_processes') }} as processes
    inner join {{ ref('dim_calendars') }} as calendars
        on processes.calendar_code = calendars.calendar_code
),

steps as (
    select * from {{ ref('dim_process_steps') }}
),

bounded as (
    select
        events.*,
        events.occurred_at is null as is_open,
        -- An open step is judged at the moment its data reach to.
        coalesce(events.occurred_at, instances.data_as_of) as until_at,
        coalesce(steps.kind, 'work') as kind,
        steps.approval_level,
        coalesce(steps.is_terminal, false) as is_terminal,
        coalesce(steps.is_after_end, false) as is_after_end,
        calendars.calendar_code,
        calendars.timezone
    from events
    left join instances
        on events.process_code = instances.process_code
        and events.process_instance_id = instances.process_instance_id
    left join calendars
        on events.process_code = calendars.process_code
    left join steps
        on events.process_code = steps.process_code
        and events.activity_code = steps.activity_code
),

clocked as (
    select
        *,
        -- A step that ends before it starts has no usable start; nothing is clamped.
        case when started_at <= until_at then started_at end as usable_started_at,
        case
            when started_at is null then 'no_start'
            when started_at > until_at then 'reversed_clock'
        end as exclusion_reason
    from bounded
)

select
    clocked.process_code,
    clocked.process_instance_id,
    clocked.event_id,
    clocked.event_no,
    clocked.activity_code,
    clocked.is_open,
    clocked.started_at,
    clocked.occurred_at,
    clocked.occurred_on,
    clocked.resource_id,
    clocked.org_unit_code,
    clocked.kind,
    clocked.approval_level,
    clocked.is_terminal,
    clocked.is_after_end,
    clocked.exclusion_reason,
    coalesce(
        {{ calendar_gap_reason(
            'clocked.calendar_code', 'clocked.usable_started_at', 'start_day',
            'clocked.timezone'
        ) }},
        {{ calendar_gap_reason(
            'clocked.calendar_code', 'clocked.until_at', 'until_day', 'clocked.timezone'
        ) }}
    ) as calendar_reason,
    {{ epoch_seconds('clocked.usable_started_at') }} as started_second,
    {{ epoch_seconds('clocked.until_at') }} as until_second,
    {{ working_seconds_at('clocked.usable_started_at', 'start_day') }}
        as started_working_second,
    {{ working_seconds_at('clocked.until_at', 'until_day') }} as until_working_second
from clocked
{{ join_calendar_day(
    'start_day', 'clocked.calendar_code', 'clocked.usable_started_at',
    'clocked.timezone'
) }}
{{ join_calendar_day(
    'until_day', 'clocked.calendar_code', 'clocked.until_at', 'clocked.timezone'
) }}
