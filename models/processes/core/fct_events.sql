-- Grain: one row per completed event of a process instance.
with completed as (
    select * from {{ ref('int_process_events') }}
    where occurred_at is not null
),

steps as (
    select * from {{ ref('dim_process_steps') }}
),

processes as (
    select * from {{ ref('dim_processes') }}
)

select
    completed.process_code,
    completed.process_instance_id,
    completed.event_id,
    cast(
        row_number() over (
            partition by completed.process_code, completed.process_instance_id
            -- Equal times keep the designed order, then the id: never chance.
            order by
                completed.occurred_at,
                coalesce(completed.started_at, completed.occurred_at),
                coalesce(steps.step_no, 2147483647),
                completed.event_id
        ) as bigint
    ) as event_no,
    completed.activity_code,
    completed.started_at,
    completed.occurred_at,
    {{ local_date(
        'completed.occurred_at',
        'coalesce(processes.timezone, ' ~ zone_literal() ~ ')'
    ) }} as occurred_on,
    completed.resource_id,
    completed.org_unit_code,
    completed.source_system,
    completed.batch_id
from completed
left join steps
    on completed.process_code = steps.process_code
    and completed.activity_code = steps.activity_code
left join processes
    on completed.process_code = processes.process_code
