-- A row here is an event that no instance would ever show.
select events.event_id
from {{ ref('int_orders__events') }} as events
left join {{ ref('int_orders__instances') }} as orders
    on events.process_instance_id = orders.process_instance_id
where orders.process_instance_id is null
