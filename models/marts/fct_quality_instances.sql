-- Grain: one row per lot that any inspection names.
select
    process_instance_id as lot_no,
    segment_code,
    line_no,
    is_trial,
    outcome_code,
    exclusion_reason,
    first_inspected_at,
    last_inspected_at,
    released_at,
    first_inspected_on,
    inspection_count,
    first_submitted_units,
    first_passed_units,
    {{ elapsed_seconds('first_inspected_at', 'released_at') }}
        as release_elapsed_seconds,
    data_as_of
from {{ ref('int_quality__instances') }}
