-- Grain: one row per process instance that counts and activity it has done.
with instances as (
    select * from {{ ref('int_discovery_instances') }}
),

gates as (
    select * from {{ ref('int_discovery_gates') }}
),

grouped as (
    select
        steps.process_code,
        steps.process_instance_id,
        steps.activity_code,
        count(*) as visits,
        count(case when steps.is_rework then 1 end) as reworks,
        count(
            case
                when
                    steps.repetition_where = 'later' and case gates.unit_basis
                        when 'org_unit' then steps.org_unit_change
                        when 'resource' then steps.resource_change
                    end = 'handover'
                    then 1
            end
        ) as returns,
        count(case when steps.repetition_where = 'self_loop' then 1 end) as self_loops,
        count(case when steps.is_rework and steps.repetition_who = 'repeat' then 1 end)
            as repeats,
        count(case when steps.is_rework and steps.repetition_who = 'redo' then 1 end)
            as redos,
        count(case when steps.is_repeated_approval then 1 end) as approvals_repeated,
        count(case when steps.is_serial_approval then 1 end) as approvals_serial,
        min(steps.event_no) as first_event_no,
        max(steps.event_no) as last_event_no,
        max(case when steps.occurrence_no = 1 then steps.started_at end)
            as first_started_at,
        min(steps.occurred_at) as first_occurred_at,
        max(steps.occurred_at) as last_occurred_at,
        cast(sum(steps.service_elapsed_seconds) as bigint) as work_seconds,
        max(instances.events) as events,
        bool_or(steps.is_terminal or steps.is_after_end) as is_ending,
        bool_or(instances.tested_on is not null) as is_whole
    from {{ ref('fct_process_steps') }} as steps
    inner join instances
        on steps.process_code = instances.process_code
        and steps.process_instance_id = instances.process_instance_id
    inner join gates
        on steps.process_code = gates.process_code
    where steps.state = 'completed'
    group by steps.process_code, steps.process_instance_id, steps.activity_code
)

select
    process_code,
    process_instance_id,
    activity_code,
    visits,
    reworks,
    returns,
    self_loops,
    repeats,
    redos,
    approvals_repeated,
    approvals_serial,
    first_event_no,
    first_started_at,
    first_occurred_at,
    last_occurred_at,
    work_seconds,
    is_whole and last_event_no = events as is_last,
    -- Known before the instance ended for the first time: fit to predict how it ends.
    first_event_no < coalesce(
        min(case when is_ending then first_event_no end) over (
            partition by process_code, process_instance_id
        ), events + 1
    ) as is_before_end,
    case
        when is_whole
            then 1.0 * (first_event_no - 1) / greatest(events - 1, 1)
    end as relative_rank
from grouped
