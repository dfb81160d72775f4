-- A row here is a designed step or an activity that the comparison with the map lost,
-- or whose events it counts wrongly.
with expected as (
    select
        coalesce(map_steps.process_code, events.process_code) as process_code,
        coalesce(map_steps.activity_code, events.activity_code) as activity_code,
        count(events.event_id) as event_count
    from {{ ref('dim_process_steps') }} as map_steps
    full outer join {{ ref('fct_events') }} as events
        on map_steps.process_code = events.process_code
        and map_steps.activity_code = events.activity_code
    group by
        coalesce(map_steps.process_code, events.process_code),
        coalesce(map_steps.activity_code, events.activity_code)
)

select
    expected.process_code,
    expected.activity_code,
    expected.event_count as expected_events,
    shown.event_count as shown_events
from expected
left join {{ ref('fct_process_map_steps') }} as shown
    on expected.process_code = shown.process_code
    and expected.activity_code = shown.activity_code
where
    shown.activity_code is null
    or expected.event_count <> shown.event_count
    or (shown.map_state = 'never_seen' and expected.event_count > 0)
    or shown.out_of_order_instance_count > shown.instance_count
    or shown.instance_count > shown.process_instance_count
