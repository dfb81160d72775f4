-- A row here is an event that no instance would ever show.
select events.event_id
from {{ ref('int_complaints__events') }} as events
left join {{ ref('int_complaints__instances') }} as complaints
    on events.process_instance_id = complaints.process_instance_id
where complaints.process_instance_id is null
