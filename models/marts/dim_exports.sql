-- Grain: one row per declared export.
select
    export_code,
    source_name,
    export_name,
    cadence,
    data_as_of,
    last_period,
    last_batch_id,
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
from {{ ref('stg_takt__export_states') }}
