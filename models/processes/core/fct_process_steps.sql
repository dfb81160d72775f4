-- Grain: one row per step of a process instance, completed or still open.
with sequenced as (
    select * from {{ ref('int_process_steps_sequenced') }}
),

open_steps as (
    select * from {{ ref('int_process_steps') }}
    where is_open
),

judged as (
    select
        *,
        case
            when occurrence_no = 1 then null
            -- One visit still running when the next begins is no repeated work.
            when started_at < same_activity_occurred_at then 'parallel'
            when previous_activity_code = activity_code then 'self_loop'
            else 'later'
        end as repetition_where,
        case
            when occurrence_no = 1 then null
            when resource_id is null or same_activity_resource_id is null then 'unknown'
            when resource_id = same_activity_resource_id then 'repeat'
            else 'redo'
        end as repetition_who
    from sequenced
)

select
    process_code,
    process_instance_id,
    event_id,
    activity_code,
    'completed' as state,
    event_no,
    cast(occurrence_no as bigint) as occurrence_no,
    started_at,
    occurred_at,
    occurred_on,
    resource_id,
    org_unit_code,
    kind,
    approval_level,
    is_terminal,
    is_after_end,
    exclusion_reason,
    calendar_reason,
    until_second - started_second as service_elapsed_seconds,
    until_working_second - started_working_second as service_working_seconds,
    case
        when not is_busy then null
        when busy_until_second > started_second
            then {{ seconds_beyond('until_second', 'busy_until_second') }}
        else until_second - started_second
    end as busy_elapsed_seconds,
    case
        when not is_busy then null
        when busy_until_working_second > started_working_second
            then {{ seconds_beyond(
                'until_working_second', 'busy_until_working_second'
            ) }}
        else until_working_second - started_working_second
    end as busy_working_seconds,
    cast(null as bigint) as open_elapsed_seconds,
    cast(null as bigint) as open_working_seconds,
    repetition_where,
    repetition_who,
    coalesce(repetition_where in ('self_loop', 'later'), false) as is_rework,
    coalesce(
        is_previous_terminal and not (is_terminal or is_after_end), false
    ) as is_reopening,
    resource_change,
    org_unit_change,
    coalesce(
        kind = 'approval' and changes_so_far = changes_at_same_level, false
    ) as is_repeated_approval,
    coalesce(
        kind = 'approval'
        and previous_kind = 'approval'
        and approval_level <> previous_approval_level,
        false
    ) as is_serial_approval
from judged
union all
select
    process_code,
    process_instance_id,
    event_id,
    activity_code,
    'open' as state,
    event_no,
    cast(null as bigint) as occurrence_no,
    started_at,
    occurred_at,
    occurred_on,
    resource_id,
    org_unit_code,
    kind,
    approval_level,
    is_terminal,
    is_after_end,
    coalesce(exclusion_reason, 'not_finished') as exclusion_reason,
    calendar_reason,
    cast(null as bigint) as service_elapsed_seconds,
    cast(null as bigint) as service_working_seconds,
    cast(null as bigint) as busy_elapsed_seconds,
    cast(null as bigint) as busy_working_seconds,
    until_second - started_second as open_elapsed_seconds,
    until_working_second - started_working_second as open_working_seconds,
    cast(null as string) as repetition_where,
    cast(null as string) as repetition_who,
    false as is_rework,
    false as is_reopening,
    cast(null as string) as resource_change,
    cast(null as string) as org_unit_change,
    false as is_repeated_approval,
    false as is_serial_approval
from open_steps
