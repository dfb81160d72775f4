-- Grain: one row per order, its newest version.
with ranked as (
    select
        *,
        row_number() over (
            partition by order_id
            -- Nothing says which version is newer: any fixed choice will do.
            order by _batch_id desc, _record_no desc
        ) as version_rank
    from {{ source('olist', 'orders') }}
)

select
    order_id,
    customer_id,
    status as status_code,
    purchased_at,
    approved_at,
    handed_over_at,
    delivered_at,
    promised_on,
    _batch_id as batch_id
from ranked
where version_rank = 1
