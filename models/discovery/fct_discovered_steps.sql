-- Grain: one row per process and activity that was done.
with processes as (
    select
        gates.instances as process_instances,
        case
            when gates.has_no_end then gates.instances
            else gates.closed_instances + gates.cancelled_instances
        end as ended_instances,
        gates.unit_basis is not null as has_units,
        gates.is_repetitive,
        not gates.is_refused as is_mined,
        not gates.is_refused and not gates.is_order_unreliable as has_order,
        figures.*
    from {{ ref('int_discovery_gates') }} as gates
    inner join {{ ref('int_discovery_defaults') }} as figures
        on gates.process_code = figures.process_code
),

arrivals as (
    select
        process_code,
        to_activity_code as activity_code,
        bool_or(is_bottleneck) as is_bottleneck,
        bool_or(is_collaboration) as is_collaboration
    from {{ ref('fct_discovered_paths') }}
    where path_kind = 'step'
    group by process_code, to_activity_code
)

select
    steps.process_code,
    steps.activity_code,
    steps.position_no,
    steps.relative_rank,
    steps.activity_hint,
    steps.kind,
    steps.approval_level,
    steps.is_terminal,
    steps.is_after_end,
    steps.last_seen_on,
    steps.visits,
    steps.instances,
    round(1.0 * steps.instances / processes.process_instances, 9) as coverage,
    round(1.0 * steps.starting_instances / processes.process_instances, 9)
        as start_share,
    round(1.0 * steps.ending_instances / nullif(processes.ended_instances, 0), 9)
        as end_share,
    steps.work_p50_seconds,
    steps.work_p95_seconds,
    round(
        1.0 * steps.work_seconds / nullif(
            sum(steps.work_seconds) over (partition by steps.process_code), 0
        ), 9
    ) as work_share,
    steps.self_loops,
    steps.repeats,
    steps.redos,
    steps.rework_instances,
    round(1.0 * steps.rework_instances / processes.process_instances, 9)
        as rework_share,
    steps.return_instances,
    round(1.0 * steps.return_instances / processes.process_instances, 9)
        as return_share,
    steps.repeated_approvals,
    steps.serial_approvals,
    approvals.decided_visits,
    approvals.rejects as rejected_visits,
    branches.branch_visits,
    branches.branches,
    branches.branch_entropy,
    round(1.0 - 1.0 * branches.largest_branch / branches.branch_visits, 9)
        as minority_share,
    case when risks.process_code is not null then facts.bad_end_kinds end
        as risk_outcome,
    risks.risk_instances,
    risks.risk_difference,
    risks.risk_z,
    case
        when processes.has_order
            then
                not (steps.is_terminal or steps.is_after_end)
                and coalesce(
                    branches.branch_visits >= processes.decision_visits
                    and {{ wilson_low(
                    '(branches.branch_visits - branches.largest_branch)',
                    'branches.branch_visits'
                ) }} >= processes.decision_minority,
                    false
                )
    end as is_decision,
    arrivals.is_collaboration,
    case
        when processes.has_order and processes.has_units
            then
                not steps.is_after_end
                and {{ wilson_low(
                'steps.return_instances', 'processes.process_instances'
            ) }} >= processes.return_share
    end as is_ping_pong,
    case
        when processes.is_mined and steps.kind = 'rework'
            -- Rework by design: to get there at all is to do it again.
            then
                not steps.is_after_end
                and {{ wilson_low('steps.instances', 'processes.process_instances') }}
                >= processes.rework_share
        when processes.is_mined and not processes.is_repetitive
            then
                not steps.is_after_end
                and {{ wilson_low(
                'steps.rework_instances', 'processes.process_instances'
            ) }} >= processes.rework_share
    end as is_rework,
    case when processes.is_mined then steps.repeated_approvals > 0 end
        as is_repeated_approval,
    case
        when not processes.has_order then null
        when steps.serial_approvals = 0 then false
        when approvals.serial_waiting_share < processes.serial_share then false
        -- A question: no approval of the log rejects, or too few were seen.
        when not approvals.has_outcomes then null
        when
            1.0 * approvals.rejects / approvals.decided_visits
            >= processes.serial_rejects
            then false
        when
            {{ wilson_high('approvals.rejects', 'approvals.decided_visits') }}
            < processes.serial_rejects
            then true
    end as is_serial_approval,
    case
        when processes.is_mined
            then
                steps.timed_visits >= processes.tail_count
                and coalesce(
                    steps.work_p95_seconds
                    >= processes.tail_ratio * nullif(steps.work_p50_seconds, 0),
                    false
                )
    end as is_long_tail,
    arrivals.is_bottleneck,
    case
        when risks.process_code is not null
            then
                risks.risk_difference >= processes.risk_difference
                and risks.risk_z >= processes.risk_z
    end as is_risk
from {{ ref('int_discovery_steps') }} as steps
inner join processes
    on steps.process_code = processes.process_code
inner join {{ ref('fct_discovered_processes') }} as facts
    on steps.process_code = facts.process_code
left join {{ ref('int_discovery_branches') }} as branches
    on steps.process_code = branches.process_code
    and steps.activity_code = branches.activity_code
left join {{ ref('int_discovery_approvals') }} as approvals
    on steps.process_code = approvals.process_code
    and steps.activity_code = approvals.activity_code
left join {{ ref('int_discovery_risks') }} as risks
    on steps.process_code = risks.process_code
    and steps.activity_code = risks.activity_code
left join arrivals
    on steps.process_code = arrivals.process_code
    and steps.activity_code = arrivals.activity_code
