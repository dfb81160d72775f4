-- Grain: one row per order.
with items as (
    select
        items.order_id,
        count(*) as item_count,
        cast(sum(items.price_cents) as bigint) as goods_cents,
        cast(sum(items.freight_cents) as bigint) as freight_cents,
        -- Items are numbered from 1 without gaps, so each order has one first item.
        min(case when items.item_no = 1 then products.category_code end)
            as first_category_code,
        min(case when items.item_no = 1 then sellers.state_code end)
            as first_seller_state_code
    from {{ ref('stg_olist__order_items') }} as items
    left join {{ ref('stg_olist__products') }} as products
        on items.product_id = products.product_id
    left join {{ ref('stg_olist__sellers') }} as sellers
        on items.seller_id = sellers.seller_id
    group by items.order_id
),

numbered_payments as (
    select
        *,
        row_number() over (
            partition by order_id
            order by payment_no
        ) as payment_rank
    from {{ ref('stg_olist__order_payments') }}
),

payments as (
    select
        order_id,
        cast(sum(amount_cents) as bigint) as paid_cents,
        min(case when payment_rank = 1 then payment_type_code end)
            as first_payment_type_code
    from numbered_payments
    group by order_id
),

first_answers as (
    select
        order_id,
        score
    from {{ ref('stg_olist__order_reviews') }}
    where answer_no = 1
),

freshness as (
    select
        case
            when count(*) = count(data_as_of)
                then least(min(data_as_of), {{ as_of() }})
        end as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code in ('olist.orders', 'olist.order_reviews')
)

select
    'marketplace' as process_code,
    orders.order_id as process_instance_id,
    customers.state_code as segment_code,
    orders.purchased_at as started_at,
    orders.delivered_at as ended_at,
    {{ local_date('orders.purchased_at', "'America/Sao_Paulo'") }} as started_on,
    {{ local_date('orders.delivered_at', "'America/Sao_Paulo'") }} as ended_on,
    -- The tables say that an order was given up, not when.
    orders.status_code in ('canceled', 'unavailable') as is_cancelled,
    orders.status_code as outcome_code,
    cast(null as varchar) as exclusion_reason,
    {{
        local_to_utc(
            'cast(orders.promised_on + 1 as timestamp)', "'America/Sao_Paulo'"
        )
    }} as due_at,
    customers.person_id as requester_id,
    cast(first_answers.score as double) as score,
    items.freight_cents as cost_cents,
    freshness.data_as_of,
    orders.approved_at,
    orders.handed_over_at,
    orders.delivered_at,
    coalesce(items.item_count, 0) as item_count,
    items.goods_cents,
    items.first_category_code,
    items.first_seller_state_code,
    payments.paid_cents,
    payments.first_payment_type_code
from {{ ref('stg_olist__orders') }} as orders
left join {{ ref('stg_olist__customers') }} as customers
    on orders.customer_id = customers.customer_id
left join items
    on orders.order_id = items.order_id
left join payments
    on orders.order_id = payments.order_id
left join first_answers
    on orders.order_id = first_answers.order_id
cross join freshness
