-- A row here is a process whose coverage is not what its steps say.
with steps as (
    select
        process_code,
        count(case when map_state = 'seen' then 1 end) as seen_step_count,
        count(case when map_state = 'never_seen' then 1 end) as never_seen_step_count,
        sum(event_count) as event_count,
        max(out_of_order_instance_count) as most_out_of_order,
        sum(out_of_order_instance_count) as all_out_of_order
    from {{ ref('fct_process_map_steps') }}
    group by process_code
)

select steps.process_code
from steps
left join {{ ref('fct_process_map_coverage') }} as coverage
    on steps.process_code = coverage.process_code
where
    coverage.process_code is null
    or coverage.seen_step_count <> steps.seen_step_count
    or coverage.designed_step_count
    <> steps.seen_step_count + steps.never_seen_step_count
    or coverage.event_count <> steps.event_count
    -- One instance may be out of order in several steps, and is in each of them.
    or coverage.out_of_order_instance_count < steps.most_out_of_order
    or coverage.out_of_order_instance_count > steps.all_out_of_order
    or coverage.out_of_order_instance_count > coverage.instance_count
