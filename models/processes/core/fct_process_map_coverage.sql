-- Grain: one row per process.
with steps as (
    select
        process_code,
        count(case when map_state in ('seen', 'never_seen') then 1 end)
            as designed_step_count,
        count(case when map_state = 'seen' then 1 end) as seen_step_count,
        count(case when map_state = 'not_on_map' then 1 end) as unmapped_activity_count,
        sum(event_count) as event_count,
        sum(case when map_state = 'not_on_map' then 0 else event_count end)
            as mapped_event_count,
        max(process_instance_count) as instance_count
    from {{ ref('fct_process_map_steps') }}
    group by process_code
),

named as (
    select
        process_code,
        {{ ordered_concat(
            "case when map_state = 'never_seen' then activity_code end",
            'activity_code', "'|'"
        ) }} as never_seen_activity_codes,
        {{ ordered_concat(
            "case when map_state = 'not_on_map' then activity_code end",
            'activity_code', "'|'"
        ) }} as unmapped_activity_codes
    from {{ ref('fct_process_map_steps') }}
    group by process_code
),

out_of_order as (
    select
        process_code,
        count(distinct process_instance_id) as out_of_order_instance_count
    from {{ ref('int_process_steps_placed') }}
    where is_out_of_order
    group by process_code
)

select
    steps.process_code,
    cast(steps.designed_step_count as bigint) as designed_step_count,
    cast(steps.seen_step_count as bigint) as seen_step_count,
    round(100.0 * steps.seen_step_count / nullif(steps.designed_step_count, 0), 2)
        as step_coverage_pct,
    named.never_seen_activity_codes,
    cast(steps.unmapped_activity_count as bigint) as unmapped_activity_count,
    named.unmapped_activity_codes,
    cast(steps.event_count as bigint) as event_count,
    cast(steps.mapped_event_count as bigint) as mapped_event_count,
    round(100.0 * steps.mapped_event_count / nullif(steps.event_count, 0), 2)
        as event_coverage_pct,
    cast(steps.instance_count as bigint) as instance_count,
    cast(coalesce(out_of_order.out_of_order_instance_count, 0) as bigint)
        as out_of_order_instance_count,
    round(
        100.0 * (
            steps.instance_count
            - coalesce(out_of_order.out_of_order_instance_count, 0)
        ) / nullif(steps.instance_count, 0),
        2
    ) as in_order_pct
from steps
inner join named
    on steps.process_code = named.process_code
left join out_of_order
    on steps.process_code = out_of_order.process_code
