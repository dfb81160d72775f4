-- Grain: one row per <decide grain: what one row of the file is>, of the newest file.
with newest as (
    select max(_period) as period
    from {{ source('$source', '$export') }}
)

select
    <decide columns: the columns that models need, under plain names>,
    raw._batch_id as batch_id
from {{ source('$source', '$export') }} as raw
inner join newest on raw._period = newest.period
