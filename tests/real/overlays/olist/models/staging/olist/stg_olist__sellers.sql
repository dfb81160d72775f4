-- Grain: one row per seller.
select
    seller_id,
    state as state_code
from {{ source('olist', 'sellers') }}
-- Each file holds the whole table: the newest one counts.
where _period = (select max(_period) from {{ source('olist', 'sellers') }})
