-- Transitions are events less instances; with START and END or OPEN, events plus
-- instances. Anything else means lost or doubled transitions.
with paths as (
    select
        process_code,
        count(*) as all_paths,
        count(case when path_kind = 'step' then 1 end) as step_paths
    from {{ ref('fct_process_paths') }}
    group by process_code
),

events as (
    select
        process_code,
        count(*) as events,
        count(distinct process_instance_id) as instances
    from {{ ref('fct_events') }}
    group by process_code
)

select
    events.process_code,
    events.events,
    events.instances,
    paths.all_paths,
    paths.step_paths
from events
left join paths
    on events.process_code = paths.process_code
where
    events.events - events.instances <> coalesce(paths.step_paths, 0)
    or events.events + events.instances <> coalesce(paths.all_paths, 0)
