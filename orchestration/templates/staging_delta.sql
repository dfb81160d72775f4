-- Grain: one row per <decide grain: what the key identifies>, its newest version.
with ranked as (
    select
        *,
        row_number() over (
            partition by <decide key: the key of the contract>
            -- The later file is newer; the rest makes the choice repeatable.
            order by _period desc, _record_no desc, _batch_id desc
        ) as version_rank
    from {{ source('$source', '$export') }}
)

select
    <decide columns: the columns that models need, under plain names>,
    _batch_id as batch_id
from ranked
where version_rank = 1
