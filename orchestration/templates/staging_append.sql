-- Grain: one row per <decide grain: what one row of the file is>.
select
    <decide columns: the columns that models need, under plain names>,
    _batch_id as batch_id
from {{ source('$source', '$export') }}
