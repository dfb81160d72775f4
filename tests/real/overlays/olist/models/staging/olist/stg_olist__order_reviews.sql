-- Grain: one row per answer: a review on one order.
with latest as (
    select order_reviews.*
    from {{ source('olist', 'order_reviews') }} as order_reviews
    -- Each file holds the whole table: the newest one counts.
    where order_reviews._period = (
        select max(newest._period) from {{ source('olist', 'order_reviews') }} as newest
    )
)

select
    -- A review id may stand on several orders; with the order it is unique.
    review_id || '/' || order_id as answer_id,
    review_id,
    order_id,
    cast(score as bigint) as score,
    message as message_hash,
    answered_at,
    row_number() over (
        partition by order_id
        order by answered_at, review_id
    ) as answer_no,
    _batch_id as batch_id
from latest
