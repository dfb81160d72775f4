-- Counted, open, undecided and excluded orders add up to the orders in scope: a row
-- here is a KPI that lost or invented orders.
with order_kpis as (
    select
        kpis.kpi_code,
        freshness.data_as_of
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on kpis.kpi_code = freshness.kpi_code
    where kpis.process_code = 'orders' and kpis.subject = 'order'
),

in_scope as (
    select
        order_kpis.kpi_code,
        count(orders.process_instance_id) as orders_in_scope
    from order_kpis
    left join {{ ref('int_orders__instances') }} as orders
        on order_kpis.data_as_of > orders.known_since_at
    group by order_kpis.kpi_code
),

observed as (
    select
        order_kpis.kpi_code,
        count(observations.subject_id) as orders_observed,
        count(distinct observations.subject_id) as distinct_orders
    from order_kpis
    left join {{ ref('fct_kpi_observations') }} as observations
        on order_kpis.kpi_code = observations.kpi_code
    group by order_kpis.kpi_code
)

select
    in_scope.kpi_code,
    in_scope.orders_in_scope,
    observed.orders_observed
from in_scope
inner join observed
    on in_scope.kpi_code = observed.kpi_code
where
    in_scope.orders_in_scope <> observed.orders_observed
    or in_scope.orders_in_scope <> observed.distinct_orders
