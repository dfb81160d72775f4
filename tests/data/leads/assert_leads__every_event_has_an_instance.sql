-- A row here is an event that no instance would ever show.
select events.event_id
from {{ ref('int_leads__events') }} as events
left join {{ ref('int_leads__instances') }} as leads
    on events.process_instance_id = leads.process_instance_id
where leads.process_instance_id is null
