-- Grain: one row per completed event, beside what came before it in its instance.
with steps as (
    select
        *,
        exclusion_reason is null and not is_after_end as is_busy,
        resource_id = 'system' or resource_id like 'system:%' as is_system
    from {{ ref('int_process_steps') }}
    where not is_open
),

in_order as (
    select
        *,
        lag(event_id) over instance_order as previous_event_id,
        lag(activity_code) over instance_order as previous_activity_code,
        lag(occurred_at) over instance_order as previous_occurred_at,
        lag(until_second) over instance_order as previous_second,
        lag(until_working_second) over instance_order as previous_working_second,
        lag(calendar_reason) over instance_order as previous_calendar_reason,
        lag(resource_id) over instance_order as previous_resource_id,
        lag(is_system) over instance_order as is_previous_system,
        lag(org_unit_code) over instance_order as previous_org_unit_code,
        lag(kind) over instance_order as previous_kind,
        lag(approval_level) over instance_order as previous_approval_level,
        lag(is_terminal or is_after_end) over instance_order as is_previous_terminal,
        lead(event_id) over instance_order is null as is_last_event,
        sum(case when kind = 'change' then 1 else 0 end) over (
            partition by process_code, process_instance_id
            order by event_no
            rows between unbounded preceding and current row
        ) as changes_so_far
    from steps
    window
        instance_order as (
            partition by process_code, process_instance_id
            order by event_no
        )
)

select
    *,
    row_number() over activity_order as occurrence_no,
    lag(occurred_at) over activity_order as same_activity_occurred_at,
    lag(resource_id) over activity_order as same_activity_resource_id,
    lag(changes_so_far) over (
        partition by process_code, process_instance_id, kind, approval_level
        order by event_no
    ) as changes_at_same_level,
    case
        when event_no = 1 then null
        when resource_id is null or previous_resource_id is null then 'unknown'
        when is_system or is_previous_system then 'system'
        when resource_id = previous_resource_id then 'same'
        else 'handover'
    end as resource_change,
    case
        when event_no = 1 then null
        when org_unit_code is null or previous_org_unit_code is null then 'unknown'
        when org_unit_code = previous_org_unit_code then 'same'
        else 'handover'
    end as org_unit_change,
    -- Running maxima of the busy steps' ends: what of a step lies beyond them is new
    -- busy time, and the sum of the new parts is the length of the union.
    case when is_busy then max(until_second) over busy_order end as busy_until_second,
    case
        when is_busy then max(until_working_second) over busy_order
    end as busy_until_working_second
from in_order
window
    activity_order as (
        partition by process_code, process_instance_id, activity_code
        order by event_no
    ),
    busy_order as (
        partition by process_code, process_instance_id, is_busy
        order by started_second, until_second, event_no
        rows between unbounded preceding and 1 preceding
    )
