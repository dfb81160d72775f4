-- Grain: one row per batch in force.
select
    export_code,
    batch_no,
    is_superseding
from {{ source('takt', 'batches') }}
