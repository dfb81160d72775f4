-- Grain: one row per declared export.
select
    source_name,
    export_name,
    export_code,
    cadence,
    data_as_of,
    last_batch_id,
    last_period,
    newest_verdict,
    is_held,
    is_late,
    is_stale,
    stale_reason,
    batches_in_force,
    rows_loaded,
    rows_rejected,
    rows_duplicate,
    reliability_grade,
    reliability_score
from {{ source('takt', 'export_states') }}
