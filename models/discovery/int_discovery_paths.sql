-- Grain: one row per process and path between two activities, or from START, or to END.
with moved as (
    select
        paths.process_code,
        paths.process_instance_id,
        paths.path_kind,
        paths.from_activity_code,
        paths.to_activity_code,
        paths.moved_on,
        gates.instances as process_instances,
        gates.clock,
        case gates.clock
            when 'wait' then paths.wait_elapsed_seconds
            else paths.gap_elapsed_seconds
        end as clock_seconds,
        -- Of instances whose efficiency is known.
        case
            when instances.processing_elapsed_seconds is not null
                then paths.wait_elapsed_seconds
        end as removable_seconds,
        case gates.unit_basis
            when 'org_unit' then paths.org_unit_change
            when 'resource' then paths.resource_change
        end as unit_change
    from {{ ref('fct_process_paths') }} as paths
    inner join {{ ref('int_discovery_instances') }} as instances
        on paths.process_code = instances.process_code
        and paths.process_instance_id = instances.process_instance_id
    inner join {{ ref('int_discovery_gates') }} as gates
        on paths.process_code = gates.process_code
),

summed as (
    select
        process_code,
        path_kind,
        from_activity_code,
        to_activity_code,
        max(clock) as clock,
        max(process_instances) as process_instances,
        max(moved_on) as last_seen_on,
        count(*) as transitions,
        count(clock_seconds) as timed_transitions,
        cast(sum(clock_seconds) as bigint) as total_seconds,
        cast(sum(removable_seconds) as bigint) as removable_seconds,
        round(quantile_cont(clock_seconds, 0.5), 9) as p50_seconds,
        round(quantile_cont(clock_seconds, 0.95), 9) as p95_seconds,
        count(case when unit_change = 'handover' then 1 end) as handovers,
        count(case when unit_change in ('handover', 'same') then 1 end)
            as known_unit_changes
    from moved
    group by process_code, path_kind, from_activity_code, to_activity_code
),

spread as (
    select
        process_code,
        path_kind,
        from_activity_code,
        to_activity_code,
        count(*) as instances
    from (
        select distinct
            process_code,
            path_kind,
            from_activity_code,
            to_activity_code,
            process_instance_id
        from moved
    ) as taken
    group by process_code, path_kind, from_activity_code, to_activity_code
),

placed as (
    select
        summed.*,
        spread.instances,
        round(1.0 * spread.instances / summed.process_instances, 9) as coverage,
        -- Beyond the end, or across it: no part of how long the work took.
        summed.path_kind = 'step' and (
            coalesce(leaving.is_terminal or leaving.is_after_end, false)
            or coalesce(reaching.is_after_end, false)
        ) as is_after_end
    from summed
    inner join spread
        on summed.process_code = spread.process_code
        and summed.path_kind = spread.path_kind
        and summed.from_activity_code = spread.from_activity_code
        and summed.to_activity_code = spread.to_activity_code
    left join {{ ref('int_discovery_steps') }} as leaving
        on summed.process_code = leaving.process_code
        and summed.from_activity_code = leaving.activity_code
    left join {{ ref('int_discovery_steps') }} as reaching
        on summed.process_code = reaching.process_code
        and summed.to_activity_code = reaching.activity_code
),

judged as (
    select
        *,
        path_kind = 'step' and not is_after_end and timed_transitions > 0 as is_waiting
    from placed
),

totals as (
    select
        process_code,
        nullif(sum(total_seconds), 0) as total_seconds,
        nullif(1.0 * sum(total_seconds) / sum(timed_transitions), 0) as mean_seconds
    from judged
    where is_waiting
    group by process_code
)

select
    judged.process_code,
    judged.path_kind,
    judged.from_activity_code,
    judged.to_activity_code,
    judged.transitions,
    judged.instances,
    judged.coverage,
    judged.last_seen_on,
    judged.clock,
    judged.timed_transitions,
    judged.total_seconds,
    judged.removable_seconds,
    judged.p50_seconds,
    judged.p95_seconds,
    case
        when judged.is_waiting
            then round(1.0 * judged.total_seconds / totals.total_seconds, 9)
    end as waiting_share,
    case
        when judged.is_waiting
            then round(
                1.0 * judged.total_seconds / judged.timed_transitions
                / totals.mean_seconds, 9
            )
    end as mean_ratio,
    judged.handovers,
    judged.known_unit_changes,
    judged.is_after_end,
    judged.is_waiting
from judged
left join totals
    on judged.process_code = totals.process_code
