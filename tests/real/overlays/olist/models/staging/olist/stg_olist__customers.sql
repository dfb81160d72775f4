-- Grain: one row per customer record, that is per order.
select
    customers.customer_id,
    customers.person_id,
    customers.state as state_code
from {{ source('olist', 'customers') }} as customers
-- Each file holds the whole table: the newest one counts.
where customers._period = (
    select max(newest._period) from {{ source('olist', 'customers') }} as newest
)
