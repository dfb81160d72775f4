-- A union of intervals is neither longer than the span around it nor than their sum.
select
    process_code,
    process_instance_id,
    sojourn_elapsed_seconds,
    processing_elapsed_seconds,
    touch_elapsed_seconds,
    sojourn_working_seconds,
    processing_working_seconds,
    touch_working_seconds
from {{ ref('fct_process_instances') }}
where
    processing_elapsed_seconds > sojourn_elapsed_seconds
    or processing_elapsed_seconds > touch_elapsed_seconds
    or processing_elapsed_seconds < 0
    or processing_working_seconds > sojourn_working_seconds
    or processing_working_seconds > touch_working_seconds
    or processing_working_seconds > processing_elapsed_seconds
    or processing_working_seconds < 0
