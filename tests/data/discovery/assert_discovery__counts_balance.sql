-- What mining counted twice, or not at all: per step as often visited as reached and
-- left, per process as many ways in and out as instances, places 1, 2, 3, …, and shares
-- of waiting that add up to 1.
with processes as (
    select * from {{ ref('fct_discovered_processes') }}
),

steps as (
    select * from {{ ref('fct_discovered_steps') }}
),

paths as (
    select * from {{ ref('fct_discovered_paths') }}
),

passed as (
    select
        process_code,
        to_activity_code as activity_code,
        transitions as arrivals,
        0 as departures
    from paths
    where path_kind in ('start', 'step')
    union all
    select
        process_code,
        from_activity_code as activity_code,
        0 as arrivals,
        transitions as departures
    from paths
    where path_kind in ('step', 'end', 'open')
),

summed as (
    select
        process_code,
        activity_code,
        sum(arrivals) as arrivals,
        sum(departures) as departures
    from passed
    group by process_code, activity_code
),

steps_of as (
    select
        process_code,
        count(*) as activities,
        max(position_no) as last_position_no,
        sum(visits) as visits
    from steps
    group by process_code
),

paths_of as (
    select
        process_code,
        sum(case when path_kind = 'start' then transitions end) as ways_in,
        sum(case when path_kind in ('end', 'open') then transitions end) as ways_out,
        sum(share) as all_shares
    from paths
    group by process_code
)

select
    summed.process_code,
    summed.activity_code,
    'visits' as what
from summed
full outer join steps
    on summed.process_code = steps.process_code
    and summed.activity_code = steps.activity_code
where
    summed.arrivals is distinct from steps.visits
    or summed.departures is distinct from steps.visits
union all
select
    processes.process_code,
    cast(null as string) as activity_code,
    'process' as what
from processes
left join steps_of
    on processes.process_code = steps_of.process_code
left join paths_of
    on processes.process_code = paths_of.process_code
where
    processes.instances is distinct from paths_of.ways_in
    or processes.instances is distinct from paths_of.ways_out
    or processes.events is distinct from steps_of.visits
    or processes.activities is distinct from steps_of.activities
    or processes.activities is distinct from steps_of.last_position_no
    or abs(paths_of.all_shares - 1) > 1e-6
