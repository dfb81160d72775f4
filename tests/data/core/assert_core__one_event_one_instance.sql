-- An event copied to several instances would be worked once and counted twice. Its
-- other objects belong into a link table.
select
    source_system,
    count(*) as events,
    count(distinct event_id) as distinct_events
from {{ ref('int_process_events') }}
group by source_system
having count(*) <> count(distinct event_id)
