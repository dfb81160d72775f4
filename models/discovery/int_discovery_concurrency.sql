-- Grain: one row per process and ordered pair of activities that run side by side.
with figures as (
    select figures.*
    from {{ ref('int_discovery_defaults') }} as figures
    inner join {{ ref('int_discovery_gates') }} as gates
        on figures.process_code = gates.process_code
    where not gates.is_refused and not gates.is_order_unreliable
),

pairs as (
    select
        process_code,
        activity_code,
        next_activity_code,
        sum(moves) as moves,
        sum(case when is_straight_back then moves else 0 end) as loops
    from {{ ref('int_discovery_moves') }}
    where next_kind = 'step' and activity_code <> next_activity_code
    group by process_code, activity_code, next_activity_code
),

alternating as (
    select
        there.process_code,
        there.activity_code,
        there.next_activity_code as other_activity_code
    from pairs as there
    inner join pairs as back
        on there.process_code = back.process_code
        and there.activity_code = back.next_activity_code
        and there.next_activity_code = back.activity_code
    inner join figures
        on there.process_code = figures.process_code
    where
        least(there.moves, back.moves) >= figures.concurrent_moves
        and least(there.moves, back.moves)
        >= figures.concurrent_balance * greatest(there.moves, back.moves)
        -- In a loop of two steps both orders are as frequent as in parallel work.
        and there.loops + back.loops
        < figures.concurrent_loops * least(there.moves, back.moves)
),

overlapping as (
    select
        alternating.process_code,
        alternating.activity_code,
        alternating.other_activity_code,
        avg(
            case
                when
                    one.first_started_at < other.first_occurred_at
                    and other.first_started_at < one.first_occurred_at
                    then 1.0
                else 0.0
            end
        ) as overlap_share
    from alternating
    inner join {{ ref('int_discovery_visits') }} as one
        on alternating.process_code = one.process_code
        and alternating.activity_code = one.activity_code
    inner join {{ ref('int_discovery_visits') }} as other
        on one.process_code = other.process_code
        and one.process_instance_id = other.process_instance_id
        and alternating.other_activity_code = other.activity_code
    -- What takes no time overlaps with nothing and proves nothing.
    where
        one.first_started_at < one.first_occurred_at
        and other.first_started_at < other.first_occurred_at
    group by
        alternating.process_code,
        alternating.activity_code,
        alternating.other_activity_code
)

select
    alternating.process_code,
    alternating.activity_code,
    alternating.other_activity_code
from alternating
inner join figures
    on alternating.process_code = figures.process_code
left join overlapping
    on alternating.process_code = overlapping.process_code
    and alternating.activity_code = overlapping.activity_code
    and alternating.other_activity_code = overlapping.other_activity_code
where coalesce(overlapping.overlap_share, 1) >= figures.concurrent_overlap
