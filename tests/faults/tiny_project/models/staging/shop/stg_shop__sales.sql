-- Grain: one row per sale.
select
    sale_no,
    shop_code,
    cents,
    sold_at,
    _batch_id
from {{ source('shop', 'sales') }}
