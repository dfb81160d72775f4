-- Grain: one row per process and path between two activities, or from START, or to END.
with efficiency as (
    select
        process_code,
        sum(processing_elapsed_seconds) as processing_seconds,
        sum(sojourn_elapsed_seconds) as sojourn_seconds
    from {{ ref('int_discovery_instances') }}
    where processing_elapsed_seconds is not null
    group by process_code
),

processes as (
    select
        gates.unit_basis,
        not gates.is_refused and not gates.is_order_unreliable as has_order,
        figures.*
    from {{ ref('int_discovery_gates') }} as gates
    inner join {{ ref('int_discovery_defaults') }} as figures
        on gates.process_code = figures.process_code
)

select
    paths.process_code,
    paths.path_kind,
    paths.from_activity_code,
    paths.to_activity_code,
    paths.transitions,
    paths.instances,
    paths.coverage,
    paths.last_seen_on,
    paths.clock,
    paths.p50_seconds,
    paths.p95_seconds,
    paths.total_seconds,
    paths.waiting_share as share,
    paths.mean_ratio,
    bottlenecks.compared_periods,
    bottlenecks.wins,
    bottlenecks.wins_needed,
    queues.queue_rho,
    case
        when not coalesce(bottlenecks.is_bottleneck, false) then null
        when queues.queue_rho >= processes.capacity_rho then 'capacity'
        else 'coordination'
    end as bottleneck_kind,
    case
        when paths.is_waiting
            then round(
                1.0 * efficiency.processing_seconds / nullif(
                    -- Waits beside other work cannot be taken out of the time twice.
                    greatest(
                        efficiency.sojourn_seconds
                        - coalesce(paths.removable_seconds, 0),
                        efficiency.processing_seconds
                    ), 0
                ), 9
            )
    end as efficiency_without,
    round(1.0 * paths.handovers / nullif(paths.known_unit_changes, 0), 9)
        as cross_unit_share,
    bottlenecks.is_bottleneck,
    case
        when processes.has_order and processes.unit_basis is not null
            then
                paths.is_waiting
                and paths.known_unit_changes >= processes.handover_moves
                and {{ wilson_low('paths.handovers', 'paths.known_unit_changes') }}
                >= processes.handover_share
    end as is_collaboration,
    case
        when processes.has_order then concurrency.process_code is not null
    end as is_concurrent,
    paths.is_after_end,
    case
        when processes.has_order
            then
                paths.is_waiting
                and paths.timed_transitions >= processes.tail_count
                and coalesce(
                    paths.p95_seconds
                    >= processes.tail_ratio * nullif(paths.p50_seconds, 0),
                    false
                )
    end as is_long_tail
from {{ ref('int_discovery_paths') }} as paths
inner join processes
    on paths.process_code = processes.process_code
left join efficiency
    on paths.process_code = efficiency.process_code
left join {{ ref('int_discovery_bottlenecks') }} as bottlenecks
    on paths.process_code = bottlenecks.process_code
    and paths.path_kind = 'step'
    and paths.from_activity_code = bottlenecks.from_activity_code
    and paths.to_activity_code = bottlenecks.to_activity_code
left join {{ ref('int_discovery_queues') }} as queues
    on bottlenecks.process_code = queues.process_code
    and bottlenecks.from_activity_code = queues.from_activity_code
    and bottlenecks.to_activity_code = queues.to_activity_code
left join {{ ref('int_discovery_concurrency') }} as concurrency
    on paths.process_code = concurrency.process_code
    and paths.path_kind = 'step'
    and paths.from_activity_code = concurrency.activity_code
    and paths.to_activity_code = concurrency.other_activity_code
