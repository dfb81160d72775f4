-- Grain: one row per product.
select
    product_id,
    category as category_code
from {{ source('olist', 'products') }}
-- Each file holds the whole table: the newest one counts.
where _period = (select max(_period) from {{ source('olist', 'products') }})
