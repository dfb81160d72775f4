-- A row here is an item, payment or answer of an order that nobody knows.
with parts as (
    select
        'order_items' as table_name,
        order_id
    from {{ ref('stg_olist__order_items') }}
    union all
    select
        'order_payments' as table_name,
        order_id
    from {{ ref('stg_olist__order_payments') }}
    union all
    select
        'order_reviews' as table_name,
        order_id
    from {{ ref('stg_olist__order_reviews') }}
)

select
    parts.table_name,
    parts.order_id
from parts
left join {{ ref('stg_olist__orders') }} as orders
    on parts.order_id = orders.order_id
where orders.order_id is null
