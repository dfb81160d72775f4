-- Every event is a step, every completed one an event of its instance: a join that
-- multiplies or drops rows, or an event without any time, shows here.
with delivered as (
    select
        process_code,
        count(*) as all_events,
        count(occurred_at) as completed_events
    from {{ ref('int_process_events') }}
    group by process_code
),

steps as (
    select
        process_code,
        count(*) as all_steps,
        count(case when started_at is not null or occurred_at is not null then 1 end)
            as timed_steps
    from {{ ref('fct_process_steps') }}
    group by process_code
),

events as (
    select
        process_code,
        count(*) as events
    from {{ ref('fct_events') }}
    group by process_code
),

instances as (
    select
        process_code,
        sum(events) as instance_events,
        sum(open_steps) as instance_open_steps
    from {{ ref('fct_process_instances') }}
    group by process_code
)

select
    delivered.process_code,
    delivered.all_events,
    delivered.completed_events,
    steps.all_steps,
    steps.timed_steps,
    events.events,
    instances.instance_events,
    instances.instance_open_steps
from delivered
left join steps
    on delivered.process_code = steps.process_code
left join events
    on delivered.process_code = events.process_code
left join instances
    on delivered.process_code = instances.process_code
where
    delivered.all_events <> coalesce(steps.all_steps, 0)
    or delivered.all_events <> coalesce(steps.timed_steps, 0)
    or delivered.completed_events <> coalesce(events.events, 0)
    or delivered.completed_events <> coalesce(instances.instance_events, 0)
    or delivered.all_events - delivered.completed_events
    <> coalesce(instances.instance_open_steps, 0)
