-- Grain: one row per customer record, that is per order.
select
    customer_id,
    person_id,
    state as state_code
from {{ source('olist', 'customers') }}
-- Each file holds the whole table: the newest one counts.
where _period = (select max(_period) from {{ source('olist', 'customers') }})
