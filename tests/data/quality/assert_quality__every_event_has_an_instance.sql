-- A row here is an event that no lot would ever show.
select events.event_id
from {{ ref('int_quality__events') }} as events
left join {{ ref('int_quality__instances') }} as lots
    on events.process_instance_id = lots.process_instance_id
where lots.process_instance_id is null
