-- Grain: one row per payment of an order.
select
    order_payments.order_id,
    order_payments.payment_no,
    order_payments.payment_type as payment_type_code,
    cast(order_payments.amount * 100 as bigint) as amount_cents
from {{ source('olist', 'order_payments') }} as order_payments
-- Each file holds the whole table: the newest one counts.
where order_payments._period = (
    select max(newest._period) from {{ source('olist', 'order_payments') }} as newest
)
