-- A repetition is an event beyond the first visit of its activity; rework is never
-- more than that.
select
    process_code,
    process_instance_id,
    events,
    activities,
    repetitions,
    reworks
from {{ ref('fct_process_instances') }}
where repetitions <> events - activities or reworks > repetitions
