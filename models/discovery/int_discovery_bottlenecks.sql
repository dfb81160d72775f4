-- Grain: one row per process and path whose waits are compared with all others.
with figures as (
    select figures.*
    from {{ ref('int_discovery_defaults') }} as figures
    inner join {{ ref('int_discovery_gates') }} as gates
        on figures.process_code = gates.process_code
    where
        not gates.is_refused
        and not gates.is_order_unreliable
        and not gates.has_few_periods
),

waiting as (
    select * from {{ ref('int_discovery_paths') }}
    where is_waiting
),

tested as (
    select
        waiting.process_code,
        waiting.from_activity_code,
        waiting.to_activity_code,
        waiting.clock,
        waiting.waiting_share,
        waiting.mean_ratio,
        figures.bottleneck_p / count(*) over (partition by waiting.process_code)
            as chance
    from waiting
    inner join figures
        on waiting.process_code = figures.process_code
    where waiting.coverage >= figures.coverage
),

timed as (
    select
        paths.process_code,
        paths.from_activity_code,
        paths.to_activity_code,
        instances.period_start,
        count(*) as transitions,
        sum(
            case waiting.clock
                when 'wait' then paths.wait_elapsed_seconds
                else paths.gap_elapsed_seconds
            end
        ) as total_seconds
    from {{ ref('fct_process_paths') }} as paths
    inner join {{ ref('int_discovery_test_instances') }} as instances
        on paths.process_code = instances.process_code
        and paths.process_instance_id = instances.process_instance_id
    inner join waiting
        on paths.process_code = waiting.process_code
        and paths.from_activity_code = waiting.from_activity_code
        and paths.to_activity_code = waiting.to_activity_code
    where
        paths.path_kind = 'step'
        and case waiting.clock
            when 'wait' then paths.wait_elapsed_seconds
            else paths.gap_elapsed_seconds
        end is not null
    group by
        paths.process_code,
        paths.from_activity_code,
        paths.to_activity_code,
        instances.period_start
),

compared as (
    select
        *,
        1.0 * total_seconds / transitions
        > 1.0 * sum(total_seconds) over period_paths
        / sum(transitions) over period_paths as is_win
    from timed
    window period_paths as (partition by process_code, period_start)
),

counted as (
    select
        process_code,
        from_activity_code,
        to_activity_code,
        count(*) as compared_periods,
        count(case when is_win then 1 end) as wins
    from compared
    group by process_code, from_activity_code, to_activity_code
),

-- P(Bin(n, 1/2) >= wins), for each number of periods that occurs.
tails as (
    select
        periods,
        wins,
        sum(
            exp(
                lgamma(periods + 1) - lgamma(wins + 1) - lgamma(periods - wins + 1)
                - periods * ln(2.0)
            )
        ) over (
            partition by periods
            order by wins desc
            rows between unbounded preceding and current row
        ) as chance
    from (
        select
            compared_periods as periods,
            {{ each_integer(0, 'compared_periods') }} as wins
        from (select distinct compared_periods from counted) as lengths
    ) as outcomes
),

needed as (
    select
        tested.process_code,
        tested.from_activity_code,
        tested.to_activity_code,
        min(tails.wins) as wins_needed
    from tested
    inner join counted
        on tested.process_code = counted.process_code
        and tested.from_activity_code = counted.from_activity_code
        and tested.to_activity_code = counted.to_activity_code
    inner join tails
        on counted.compared_periods = tails.periods
        and tested.chance >= tails.chance
    inner join figures
        on tested.process_code = figures.process_code
    where counted.compared_periods >= figures.periods_min
    group by
        tested.process_code,
        tested.from_activity_code,
        tested.to_activity_code
)

select
    tested.process_code,
    tested.from_activity_code,
    tested.to_activity_code,
    tested.clock,
    counted.compared_periods,
    counted.wins,
    needed.wins_needed,
    case
        when needed.wins_needed is not null
            then
                counted.wins >= needed.wins_needed
                and tested.waiting_share >= figures.bottleneck_share
                and tested.mean_ratio >= figures.bottleneck_ratio
    end as is_bottleneck
from tested
inner join figures
    on tested.process_code = figures.process_code
inner join counted
    on tested.process_code = counted.process_code
    and tested.from_activity_code = counted.from_activity_code
    and tested.to_activity_code = counted.to_activity_code
left join needed
    on tested.process_code = needed.process_code
    and tested.from_activity_code = needed.from_activity_code
    and tested.to_activity_code = needed.to_activity_code
