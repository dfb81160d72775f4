-- Grain: one row per process and activity: where its visits go on to.
with recursive concurrent as (
    select * from {{ ref('int_discovery_concurrency') }}
),

direct as (
    select
        moves.process_code,
        moves.activity_code,
        moves.next_kind as branch_kind,
        moves.next_activity_code as branch_code,
        moves.moves
    from {{ ref('int_discovery_moves') }} as moves
    left join concurrent
        on moves.process_code = concurrent.process_code
        and moves.activity_code = concurrent.activity_code
        and moves.next_activity_code = concurrent.other_activity_code
    where
        moves.next_kind <> 'open'
        and concurrent.process_code is null
        -- To go back, or out and straight back, is a loop and no choice of a way on.
        and not moves.is_return
        and not moves.is_straight_back
),

numbered as (
    select
        steps.process_code,
        steps.process_instance_id,
        steps.event_no,
        steps.activity_code,
        steps.occurrence_no,
        instances.is_ended,
        lead(steps.activity_code) over (
            partition by steps.process_code, steps.process_instance_id
            order by steps.event_no
        ) as next_activity_code
    from {{ ref('fct_process_steps') }} as steps
    inner join {{ ref('int_discovery_instances') }} as instances
        on steps.process_code = instances.process_code
        and steps.process_instance_id = instances.process_instance_id
    where
        steps.state = 'completed'
        and steps.process_code in (select concurrent.process_code from concurrent)
),

-- Steps beside an activity, numbered so that those without a break share a number.
aside as (
    select
        numbered.process_code,
        numbered.process_instance_id,
        concurrent.activity_code,
        numbered.event_no,
        numbered.event_no - row_number() over (
            partition by
                numbered.process_code,
                numbered.process_instance_id,
                concurrent.activity_code
            order by numbered.event_no
        ) as run_no
    from numbered
    inner join concurrent
        on numbered.process_code = concurrent.process_code
        and numbered.activity_code = concurrent.other_activity_code
),

runs as (
    select
        process_code,
        process_instance_id,
        activity_code,
        min(event_no) as first_event_no,
        max(event_no) as last_event_no
    from aside
    group by process_code, process_instance_id, activity_code, run_no
),

skipping as (
    select
        visits.process_code,
        visits.activity_code,
        case when later.event_no is null then 'end' else 'step' end as branch_kind,
        later.activity_code as branch_code,
        1 as moves
    from runs
    inner join numbered as visits
        on runs.process_code = visits.process_code
        and runs.process_instance_id = visits.process_instance_id
        and runs.activity_code = visits.activity_code
        and runs.first_event_no - 1 = visits.event_no
    left join numbered as later
        on runs.process_code = later.process_code
        and runs.process_instance_id = later.process_instance_id
        and runs.last_event_no + 1 = later.event_no
    where
        (later.event_no is not null or visits.is_ended)
        and coalesce(later.occurrence_no, 1) = 1
        and coalesce(later.next_activity_code <> visits.activity_code, true)
),

branches as (
    select
        process_code,
        activity_code,
        branch_kind,
        branch_code,
        sum(moves) as moves
    from (
        select * from direct
        union all
        select * from skipping
    ) as visits
    group by process_code, activity_code, branch_kind, branch_code
),

-- Ways on that run side by side are one way: all of them are taken.
reached as (
    select
        process_code,
        activity_code,
        branch_code,
        branch_code as reached_code
    from branches
    where branch_kind = 'step'
    union
    select
        reached.process_code,
        reached.activity_code,
        reached.branch_code,
        branches.branch_code as reached_code
    from reached
    inner join concurrent
        on reached.process_code = concurrent.process_code
        and reached.reached_code = concurrent.activity_code
    inner join branches
        on reached.process_code = branches.process_code
        and reached.activity_code = branches.activity_code
        and concurrent.other_activity_code = branches.branch_code
        and branches.branch_kind = 'step'
),

ways as (
    select
        process_code,
        activity_code,
        branch_code,
        min(reached_code) as way_code
    from reached
    group by process_code, activity_code, branch_code
),

merged as (
    select
        branches.process_code,
        branches.activity_code,
        ways.way_code,
        sum(branches.moves) as moves,
        sum(sum(branches.moves)) over (
            partition by branches.process_code, branches.activity_code
        ) as all_moves
    from branches
    left join ways
        on branches.process_code = ways.process_code
        and branches.activity_code = ways.activity_code
        and branches.branch_code = ways.branch_code
        and branches.branch_kind = 'step'
    group by branches.process_code, branches.activity_code, ways.way_code
)

select
    process_code,
    activity_code,
    cast(max(all_moves) as bigint) as branch_visits,
    count(*) as branches,
    cast(max(moves) as bigint) as largest_branch,
    round(abs(sum(1.0 * moves / all_moves * log2(1.0 * moves / all_moves))), 9)
        as branch_entropy
from merged
group by process_code, activity_code
