-- Grain: one row per product.
select
    products.product_id,
    products.category as category_code
from {{ source('olist', 'products') }} as products
-- Each file holds the whole table: the newest one counts.
where products._period = (
    select max(newest._period) from {{ source('olist', 'products') }} as newest
)
