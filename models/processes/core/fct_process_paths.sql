-- Grain: one row per transition of a process instance, START and END or OPEN included.
with sequenced as (
    select * from {{ ref('int_process_steps_sequenced') }}
),

instances as (
    select
        process_code,
        process_instance_id,
        ended_at is null and not is_cancelled as is_open
    from {{ ref('int_process_instances') }}
),

arrivals as (
    select
        process_code,
        process_instance_id,
        event_no as path_no,
        case when event_no = 1 then 'start' else 'step' end as path_kind,
        coalesce(previous_activity_code, 'START') as from_activity_code,
        activity_code as to_activity_code,
        previous_event_id as from_event_id,
        event_id as to_event_id,
        previous_occurred_at as from_at,
        occurred_at as to_at,
        occurred_on as moved_on,
        case
            when event_no > 1 then exclusion_reason
        end as exclusion_reason,
        case
            when event_no > 1
                then coalesce(
                    previous_calendar_reason, calendar_reason
                )
        end as calendar_reason,
        {{ seconds_beyond('started_second', 'previous_second') }}
            as wait_elapsed_seconds,
        {{ seconds_beyond('previous_second', 'started_second') }}
            as overlap_elapsed_seconds,
        until_second - previous_second as gap_elapsed_seconds,
        {{ seconds_beyond(
            'started_working_second', 'previous_working_second'
        ) }} as wait_working_seconds,
        until_working_second - previous_working_second
            as gap_working_seconds,
        occurred_at = previous_occurred_at as is_tied,
        is_previous_terminal as is_after_end,
        resource_change,
        org_unit_change
    from sequenced
),

departures as (
    select
        sequenced.process_code,
        sequenced.process_instance_id,
        sequenced.event_no + 1 as path_no,
        case when instances.is_open then 'open' else 'end' end as path_kind,
        sequenced.activity_code as from_activity_code,
        case when instances.is_open then 'OPEN' else 'END' end as to_activity_code,
        sequenced.event_id as from_event_id,
        sequenced.occurred_at as from_at,
        sequenced.occurred_on as moved_on
    from sequenced
    left join instances
        on sequenced.process_code = instances.process_code
        and sequenced.process_instance_id = instances.process_instance_id
    where sequenced.is_last_event
)

select
    process_code,
    process_instance_id,
    cast(path_no as bigint) as path_no,
    path_kind,
    from_activity_code,
    to_activity_code,
    from_event_id,
    to_event_id,
    from_at,
    to_at,
    moved_on,
    exclusion_reason,
    calendar_reason,
    wait_elapsed_seconds,
    overlap_elapsed_seconds,
    gap_elapsed_seconds,
    wait_working_seconds,
    gap_working_seconds,
    is_tied,
    is_after_end,
    resource_change,
    org_unit_change
from arrivals
union all
select
    process_code,
    process_instance_id,
    cast(path_no as bigint) as path_no,
    path_kind,
    from_activity_code,
    to_activity_code,
    from_event_id,
    cast(null as string) as to_event_id,
    from_at,
    cast(null as timestamp) as to_at,
    moved_on,
    cast(null as string) as exclusion_reason,
    cast(null as string) as calendar_reason,
    cast(null as bigint) as wait_elapsed_seconds,
    cast(null as bigint) as overlap_elapsed_seconds,
    cast(null as bigint) as gap_elapsed_seconds,
    cast(null as bigint) as wait_working_seconds,
    cast(null as bigint) as gap_working_seconds,
    cast(null as boolean) as is_tied,
    cast(null as boolean) as is_after_end,
    cast(null as string) as resource_change,
    cast(null as string) as org_unit_change
from departures
