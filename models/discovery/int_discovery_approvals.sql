-- Grain: one row per process and approval step: what it costs and whether it rejects.
with steps as (
    select * from {{ ref('int_discovery_steps') }}
),

followed as (
    select
        approvals.process_code,
        approvals.activity_code,
        sum(moves.moves) as visits,
        -- The log says no only by what happens next: cancelled, changed or sent back.
        sum(
            case
                when
                    later.activity_hint = 'cancel'
                    or later.kind in ('change', 'rework')
                    or moves.is_return
                    then moves.moves
                else 0
            end
        ) as rejects
    from steps as approvals
    inner join {{ ref('int_discovery_moves') }} as moves
        on approvals.process_code = moves.process_code
        and approvals.activity_code = moves.activity_code
    left join steps as later
        on moves.process_code = later.process_code
        and moves.next_activity_code = later.activity_code
    where approvals.kind = 'approval' and moves.next_kind <> 'open'
    group by approvals.process_code, approvals.activity_code
),

serial_waits as (
    select
        paths.process_code,
        paths.to_activity_code as activity_code,
        sum(paths.waiting_share) as waiting_share
    from {{ ref('int_discovery_paths') }} as paths
    inner join steps as earlier
        on paths.process_code = earlier.process_code
        and paths.from_activity_code = earlier.activity_code
    inner join steps as later
        on paths.process_code = later.process_code
        and paths.to_activity_code = later.activity_code
    where
        paths.is_waiting
        and earlier.kind = 'approval'
        and later.kind = 'approval'
        and earlier.approval_level <> later.approval_level
    group by paths.process_code, paths.to_activity_code
)

select
    followed.process_code,
    followed.activity_code,
    cast(followed.visits as bigint) as decided_visits,
    cast(followed.rejects as bigint) as rejects,
    -- Where no approval ever rejects, the log may just not show it.
    sum(followed.rejects) over (partition by followed.process_code) > 0
        as has_outcomes,
    round(coalesce(serial_waits.waiting_share, 0), 9) as serial_waiting_share
from followed
left join serial_waits
    on followed.process_code = serial_waits.process_code
    and followed.activity_code = serial_waits.activity_code
