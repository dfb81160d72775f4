-- Grain: one row, or none before the first version.
select
    last_batch_no,
    is_same_code
from {{ source('takt', 'last_version') }}
