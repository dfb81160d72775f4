-- Grain: one row per sale up to the as-of moment.
select
    sales.sale_no,
    sales.shop_code,
    sales.cents,
    cast(sales.cents as double) / nullif(shops.sales, 0) as cents_per_sale,
    sales.sold_at
from {{ ref('stg_shop__sales') }} as sales
left join {{ ref('dim_shops') }} as shops on shops.shop_code = sales.shop_code
where sales.sold_at <= cast('{{ var("as_of") }}' as timestamp)
