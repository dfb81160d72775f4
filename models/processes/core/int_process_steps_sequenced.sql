-- Grain: one row per completed event, beside what came before it in its instance.
with instances as (
    select
        process_code,
        process_instance_id,
        max(event_no) as last_event_no,
        -- Stands for both texts below, in windows and joins of every event there is.
        row_number() over (order by process_code, process_instance_id)
            as instance_no
    from {{ ref('fct_events') }}
    group by process_code, process_instance_id
),

steps as (
    select
        steps.*,
        instances.instance_no,
        steps.event_no = instances.last_event_no as is_last_event,
        steps.exclusion_reason is null and not steps.is_after_end as is_busy,
        steps.resource_id = 'system' or steps.resource_id like 'system:%'
            as is_system
    from {{ ref('int_process_steps') }} as steps
    inner join instances
        on steps.process_code = instances.process_code
        and steps.process_instance_id = instances.process_instance_id
    where not steps.is_open
),

-- Each window sees only the rows and columns it needs: sorting whole rows, once per
-- window, took most of the time of the core.
visits as (
    select
        instance_no,
        event_no,
        row_number() over activity_order as occurrence_no,
        lag(occurred_at) over activity_order as same_activity_occurred_at,
        lag(resource_id) over activity_order as same_activity_resource_id
    from steps
    window
        activity_order as (
            partition by instance_no, activity_code
            order by event_no
        )
),

changes as (
    select
        instance_no,
        event_no,
        kind,
        approval_level,
        sum(case when kind = 'change' then 1 else 0 end) over (
            partition by instance_no
            order by event_no
            rows between unbounded preceding and current row
        ) as changes_so_far
    from steps
    where kind in ('approval', 'change')
),

approvals as (
    select
        instance_no,
        event_no,
        changes_so_far,
        lag(changes_so_far) over (
            partition by instance_no, approval_level
            order by event_no
        ) as changes_at_same_level
    from changes
    where kind = 'approval'
),

-- Running maxima of the busy steps' ends: what of a step lies beyond them is new busy
-- time, and the sum of the new parts is the length of the union.
busy as (
    select
        instance_no,
        event_no,
        max(until_second) over busy_order as busy_until_second,
        max(until_working_second) over busy_order as busy_until_working_second
    from steps
    where is_busy
    window
        busy_order as (
            partition by instance_no
            order by started_second, until_second, event_no
            rows between unbounded preceding and 1 preceding
        )
)

select
    steps.process_code,
    steps.process_instance_id,
    steps.event_id,
    steps.event_no,
    steps.activity_code,
    steps.started_at,
    steps.occurred_at,
    steps.occurred_on,
    steps.resource_id,
    steps.org_unit_code,
    steps.kind,
    steps.approval_level,
    steps.is_terminal,
    steps.is_after_end,
    steps.is_busy,
    steps.exclusion_reason,
    steps.calendar_reason,
    steps.started_second,
    steps.until_second,
    steps.started_working_second,
    steps.until_working_second,
    previous.event_id as previous_event_id,
    previous.activity_code as previous_activity_code,
    previous.occurred_at as previous_occurred_at,
    previous.until_second as previous_second,
    previous.until_working_second as previous_working_second,
    previous.calendar_reason as previous_calendar_reason,
    previous.kind as previous_kind,
    previous.approval_level as previous_approval_level,
    previous.is_terminal or previous.is_after_end as is_previous_terminal,
    steps.is_last_event,
    visits.occurrence_no,
    visits.same_activity_occurred_at,
    visits.same_activity_resource_id,
    approvals.changes_so_far,
    approvals.changes_at_same_level,
    busy.busy_until_second,
    busy.busy_until_working_second,
    case
        when steps.event_no = 1 then null
        when steps.resource_id is null or previous.resource_id is null
            then 'unknown'
        when steps.is_system or previous.is_system then 'system'
        when steps.resource_id = previous.resource_id then 'same'
        else 'handover'
    end as resource_change,
    case
        when steps.event_no = 1 then null
        when steps.org_unit_code is null or previous.org_unit_code is null
            then 'unknown'
        when steps.org_unit_code = previous.org_unit_code then 'same'
        else 'handover'
    end as org_unit_change
from steps
left join steps as previous
    on steps.instance_no = previous.instance_no
    and steps.event_no = previous.event_no + 1
inner join visits
    on steps.instance_no = visits.instance_no
    and steps.event_no = visits.event_no
left join approvals
    on steps.instance_no = approvals.instance_no
    and steps.event_no = approvals.event_no
left join busy
    on steps.instance_no = busy.instance_no
    and steps.event_no = busy.event_no
