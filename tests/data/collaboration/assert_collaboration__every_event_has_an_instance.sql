-- A row here is an event that no instance would ever show.
select events.event_id
from {{ ref('int_collaboration__events') }} as events
left join {{ ref('int_collaboration__instances') }} as instances
    on events.process_instance_id = instances.process_instance_id
where instances.process_instance_id is null
