-- Grain: one row per instance that discovery looks at.
with activities as (
    select
        process_code,
        activity_code,
        -- After the end nothing is assigned and nobody is asked any more.
        case when not coalesce(is_after_end, false) then activity_hint end
            as activity_hint,
        kind,
        is_terminal
    from {{ ref('fct_discovered_steps') }}
),

visited as (
    select
        visits.process_code,
        visits.process_instance_id,
        sum(case when activities.activity_hint = 'assign' then visits.visits end)
            as assignments,
        min(
            case
                when activities.activity_hint = 'assign' then visits.first_occurred_at
            end
        ) as assigned_at,
        sum(case when activities.activity_hint = 'request_info' then visits.visits end)
            as requests,
        max(
            case
                when visits.reworks > 0 or activities.kind = 'rework' then 1
                else 0
            end
        ) as reworked,
        max(case when visits.returns > 0 then 1 else 0 end) as returned,
        max(case when activities.kind = 'approval' then 1 else 0 end) as approved
    from {{ ref('int_discovery_visits') }} as visits
    inner join activities
        on visits.process_code = activities.process_code
        and visits.activity_code = activities.activity_code
    group by visits.process_code, visits.process_instance_id
),

moved as (
    select
        paths.process_code,
        paths.process_instance_id,
        sum(case when reached.kind = 'approval' then paths.gap_elapsed_seconds end)
            as approval_seconds,
        sum(
            case
                -- Others have it from a step that says so; or until they end it.
                when
                    left_behind.activity_hint = 'wait_external'
                    or (reached.activity_hint = 'wait_external' and reached.is_terminal)
                    then paths.gap_elapsed_seconds
            end
        ) as external_seconds
    from {{ ref('fct_process_paths') }} as paths
    inner join activities as left_behind
        on paths.process_code = left_behind.process_code
        and paths.from_activity_code = left_behind.activity_code
    inner join activities as reached
        on paths.process_code = reached.process_code
        and paths.to_activity_code = reached.activity_code
    where paths.path_kind = 'step' and not paths.is_after_end
    group by paths.process_code, paths.process_instance_id
),

worked as (
    select
        process_code,
        process_instance_id,
        count(
            case
                when resource_id = 'system' or starts_with(resource_id, 'system:')
                    then 1
            end
        ) as system_events,
        count(*) as known_events
    from {{ ref('fct_events') }}
    where resource_id is not null
    group by process_code, process_instance_id
),

moments as (
    select
        process_code,
        process_instance_id,
        requester_id,
        started_at as moment,
        true as is_start
    from {{ ref('int_discovery_instances') }}
    where requester_id is not null and started_at is not null
    union all
    select
        process_code,
        process_instance_id,
        requester_id,
        ended_at as moment,
        false as is_start
    from {{ ref('int_discovery_instances') }}
    where requester_id is not null and state = 'closed'
),

came_back as (
    select
        process_code,
        process_instance_id,
        is_start,
        min(case when is_start then moment end) over (
            partition by process_code, requester_id
            -- What starts in the second of an end has not come back after it.
            order by moment, case when is_start then 0 else 1 end, process_instance_id
            rows between 1 following and unbounded following
        ) as next_started_at
    from moments
),

rejected_outcomes as (
    select distinct instances.outcome_code
    from {{ ref('int_discovery_instances') }} as instances
    inner join {{ ref('stg_registers__activity_words') }} as words
        on words.hint = 'rejected_outcome'
        and {{ names_word('instances.outcome_code', 'words.language', 'words.word') }}
),

processes as (
    select
        gates.process_code,
        gates.unit_basis,
        coalesce(dim_processes.timezone, {{ zone_literal() }}) as timezone
    from {{ ref('int_discovery_gates') }} as gates
    left join {{ ref('dim_processes') }} as dim_processes
        on gates.process_code = dim_processes.process_code
)

select
    instances.process_code,
    instances.process_instance_id,
    instances.state,
    instances.state = 'closed' as is_closed,
    instances.is_ended,
    instances.started_at,
    instances.ended_at,
    instances.started_on,
    instances.ended_on,
    instances.due_at,
    {{ local_date('instances.due_at', 'processes.timezone') }} as due_on,
    instances.outcome_code,
    instances.is_bad_outcome,
    rejected_outcomes.outcome_code is not null as is_rejected,
    instances.is_bad_end,
    coalesce(visited.reworked, 0) = 0
    and not coalesce(instances.is_reopened, false)
    and not coalesce(instances.is_bad_outcome, false) as is_first_time_right,
    instances.requester_id,
    came_back.next_started_at,
    instances.score,
    instances.cost_cents,
    instances.lead_elapsed_seconds,
    instances.sojourn_elapsed_seconds,
    instances.processing_elapsed_seconds,
    case processes.unit_basis
        when 'org_unit' then whole.org_unit_handovers
        when 'resource' then whole.resource_handovers
    end as handovers,
    coalesce(visited.assignments, 0) as assignments,
    {{ local_date('visited.assigned_at', 'processes.timezone') }} as assigned_on,
    {{ elapsed_seconds('instances.started_at', 'visited.assigned_at') }}
        as assign_seconds,
    coalesce(visited.requests, 0) as requests,
    coalesce(visited.returned, 0) = 1 as is_returned,
    coalesce(visited.approved, 0) = 1 as is_approved,
    moved.approval_seconds,
    moved.external_seconds,
    worked.system_events,
    worked.known_events,
    instances.data_as_of,
    {{ last_covered_date('instances.data_as_of', 'processes.timezone') }} as covered_on,
    processes.timezone
from {{ ref('int_discovery_instances') }} as instances
inner join processes
    on instances.process_code = processes.process_code
inner join {{ ref('fct_process_instances') }} as whole
    on instances.process_code = whole.process_code
    and instances.process_instance_id = whole.process_instance_id
left join visited
    on instances.process_code = visited.process_code
    and instances.process_instance_id = visited.process_instance_id
left join moved
    on instances.process_code = moved.process_code
    and instances.process_instance_id = moved.process_instance_id
left join worked
    on instances.process_code = worked.process_code
    and instances.process_instance_id = worked.process_instance_id
left join came_back
    on instances.process_code = came_back.process_code
    and instances.process_instance_id = came_back.process_instance_id
    and not came_back.is_start
left join rejected_outcomes
    on instances.outcome_code = rejected_outcomes.outcome_code
