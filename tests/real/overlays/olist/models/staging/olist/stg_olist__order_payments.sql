-- Grain: one row per payment of an order.
select
    order_id,
    payment_no,
    payment_type as payment_type_code,
    cast(amount * 100 as bigint) as amount_cents
from {{ source('olist', 'order_payments') }}
-- Each file holds the whole table: the newest one counts.
where _period = (select max(_period) from {{ source('olist', 'order_payments') }})
