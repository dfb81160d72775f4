-- Grain: one row per answer about an order.
select
    answer_id,
    order_id,
    answer_no,
    score,
    answered_at,
    message_hash
from {{ ref('stg_olist__order_reviews') }}
