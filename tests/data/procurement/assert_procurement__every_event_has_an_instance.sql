-- A row here is an event that no instance would ever show.
select events.event_id
from {{ ref('int_procurement__events') }} as events
left join {{ ref('int_procurement__instances') }} as order_lines
    on events.process_instance_id = order_lines.process_instance_id
where order_lines.process_instance_id is null
