-- A row here is an event that no issue would ever show.
select events.event_id
from {{ ref('int_calls__events') }} as events
left join {{ ref('int_calls__instances') }} as issues
    on events.process_instance_id = issues.process_instance_id
where issues.process_instance_id is null
