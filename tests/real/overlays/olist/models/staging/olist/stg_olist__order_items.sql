-- Grain: one row per item of an order.
select
    order_id,
    item_no,
    product_id,
    seller_id,
    cast(price * 100 as bigint) as price_cents,
    cast(freight * 100 as bigint) as freight_cents
from {{ source('olist', 'order_items') }}
-- Each file holds the whole table: the newest one counts.
where _period = (select max(_period) from {{ source('olist', 'order_items') }})
