-- Every delivered instance is published, and every event's instance was delivered.
with delivered as (
    select
        process_code,
        process_instance_id
    from {{ ref('int_process_instances') }}
),

published as (
    select
        process_code,
        process_instance_id
    from {{ ref('fct_process_instances') }}
),

with_events as (
    select distinct
        process_code,
        process_instance_id
    from {{ ref('int_process_events') }}
)

select
    delivered.process_code,
    delivered.process_instance_id,
    'not published' as problem
from delivered
left join published
    on delivered.process_code = published.process_code
    and delivered.process_instance_id = published.process_instance_id
where published.process_instance_id is null
union all
select
    with_events.process_code,
    with_events.process_instance_id,
    'events without an instance' as problem
from with_events
left join delivered
    on with_events.process_code = delivered.process_code
    and with_events.process_instance_id = delivered.process_instance_id
where delivered.process_instance_id is null
