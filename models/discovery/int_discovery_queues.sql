-- Grain: one row per process and bottleneck: does its wait grow with the queue?
with taken as (
    select
        paths.process_code,
        paths.from_activity_code,
        paths.to_activity_code,
        paths.to_event_id,
        {{ epoch_seconds('paths.from_at') }} as arrived_second,
        case bottlenecks.clock
            when 'wait' then paths.wait_elapsed_seconds
            else paths.gap_elapsed_seconds
        end as wait_seconds
    from {{ ref('fct_process_paths') }} as paths
    inner join {{ ref('int_discovery_bottlenecks') }} as bottlenecks
        on paths.process_code = bottlenecks.process_code
        and paths.from_activity_code = bottlenecks.from_activity_code
        and paths.to_activity_code = bottlenecks.to_activity_code
        and bottlenecks.is_bottleneck
    inner join {{ ref('int_discovery_instances') }} as instances
        on paths.process_code = instances.process_code
        and paths.process_instance_id = instances.process_instance_id
    where paths.path_kind = 'step'
),

turns as (
    select
        *,
        arrived_second as turned_second,
        case when wait_seconds > 0 then 1 else 0 end as change,
        true as is_arrival
    from taken
    where wait_seconds is not null
    union all
    select
        *,
        arrived_second + wait_seconds as turned_second,
        -1 as change,
        false as is_arrival
    from taken
    where wait_seconds > 0
),

queued as (
    select
        *,
        sum(change) over (
            partition by process_code, from_activity_code, to_activity_code
            -- Who leaves in the same second is not in the way any more; of those who
            -- arrive together one has to come first.
            order by turned_second, is_arrival, to_event_id
            rows between unbounded preceding and current row
        ) - change as queue
    from turns
),

arrivals as (
    select * from queued
    where is_arrival
),

ranked as (
    select
        process_code,
        from_activity_code,
        to_activity_code,
        -- Spearman's: equal values share the middle of their ranks.
        rank() over (
            partition by process_code, from_activity_code, to_activity_code
            order by queue
        ) + 0.5 * count(*) over (
            partition by process_code, from_activity_code, to_activity_code, queue
        ) as queue_rank,
        rank() over (
            partition by process_code, from_activity_code, to_activity_code
            order by wait_seconds
        ) + 0.5 * count(*) over (
            partition by
                process_code, from_activity_code, to_activity_code, wait_seconds
        ) as wait_rank
    from arrivals
)

select
    process_code,
    from_activity_code,
    to_activity_code,
    case
        when min(queue_rank) < max(queue_rank) and min(wait_rank) < max(wait_rank)
            then round(corr(queue_rank, wait_rank), 9)
    end as queue_rho
from ranked
group by process_code, from_activity_code, to_activity_code
