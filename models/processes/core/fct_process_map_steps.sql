-- Grain: one row per process and activity that is designed, observed or both.
with observed as (
    select
        steps.process_code,
        steps.activity_code,
        count(case when steps.state = 'completed' then 1 end) as event_count,
        count(case when steps.state = 'open' then 1 end) as open_step_count,
        count(distinct steps.process_instance_id) as instance_count,
        count(
            distinct case
                when placed.is_out_of_order then steps.process_instance_id
            end
        ) as out_of_order_instance_count,
        min(steps.occurred_on) as first_seen_on,
        max(steps.occurred_on) as last_seen_on
    from {{ ref('fct_process_steps') }} as steps
    left join {{ ref('int_process_steps_placed') }} as placed
        on steps.process_code = placed.process_code
        and steps.process_instance_id = placed.process_instance_id
        and steps.event_no = placed.event_no
    group by steps.process_code, steps.activity_code
),

instances as (
    select
        process_code,
        count(*) as process_instance_count
    from {{ ref('fct_process_instances') }}
    where events + open_steps > 0
    group by process_code
),

compared as (
    select
        coalesce(map_steps.process_code, observed.process_code) as process_code,
        coalesce(map_steps.activity_code, observed.activity_code) as activity_code,
        map_steps.step_no,
        map_steps.name_en,
        map_steps.name_zh,
        map_steps.kind,
        map_steps.value,
        map_steps.is_after_end,
        case
            when map_steps.activity_code is null then 'not_on_map'
            when observed.activity_code is not null then 'seen'
            when map_steps.is_retired then 'retired'
            else 'never_seen'
        end as map_state,
        observed.event_count,
        observed.open_step_count,
        observed.instance_count,
        observed.out_of_order_instance_count,
        observed.first_seen_on,
        observed.last_seen_on
    from {{ ref('dim_process_steps') }} as map_steps
    full outer join observed
        on map_steps.process_code = observed.process_code
        and map_steps.activity_code = observed.activity_code
)

select
    compared.process_code,
    compared.activity_code,
    compared.step_no,
    compared.name_en,
    compared.name_zh,
    compared.kind,
    compared.value,
    compared.is_after_end,
    compared.map_state,
    cast(coalesce(compared.event_count, 0) as bigint) as event_count,
    cast(coalesce(compared.open_step_count, 0) as bigint) as open_step_count,
    cast(coalesce(compared.instance_count, 0) as bigint) as instance_count,
    cast(coalesce(instances.process_instance_count, 0) as bigint)
        as process_instance_count,
    cast(coalesce(compared.out_of_order_instance_count, 0) as bigint)
        as out_of_order_instance_count,
    compared.first_seen_on,
    compared.last_seen_on
from compared
left join instances
    on compared.process_code = instances.process_code
