-- Grain: one row per item of an order.
select
    order_items.order_id,
    order_items.item_no,
    order_items.product_id,
    order_items.seller_id,
    cast(order_items.price * 100 as bigint) as price_cents,
    cast(order_items.freight * 100 as bigint) as freight_cents
from {{ source('olist', 'order_items') }} as order_items
-- Each file holds the whole table: the newest one counts.
where order_items._period = (
    select max(newest._period) from {{ source('olist', 'order_items') }} as newest
)
