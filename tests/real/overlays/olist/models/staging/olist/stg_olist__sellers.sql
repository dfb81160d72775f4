-- Grain: one row per seller.
select
    sellers.seller_id,
    sellers.state as state_code
from {{ source('olist', 'sellers') }} as sellers
-- Each file holds the whole table: the newest one counts.
where sellers._period = (
    select max(newest._period) from {{ source('olist', 'sellers') }} as newest
)
