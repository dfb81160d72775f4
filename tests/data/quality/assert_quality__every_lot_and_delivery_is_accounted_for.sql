-- A row here is a KPI that lost or invented lots, or orders that reached a customer.
with in_scope as (
    select
        freshness.kpi_code,
        count(lots.process_instance_id) as subjects_in_scope
    from {{ ref('int_kpi_freshness') }} as freshness
    left join {{ ref('int_quality__instances') }} as lots
        on freshness.data_as_of > lots.known_since_at
    where freshness.kpi_code = 'quality.first_pass_yield_pct'
    group by freshness.kpi_code
    union all
    select
        freshness.kpi_code,
        count(distinct orders.process_instance_id) as subjects_in_scope
    from {{ ref('int_kpi_freshness') }} as freshness
    left join {{ ref('int_orders__instances') }} as orders
        on freshness.data_as_of
        > coalesce(orders.delivered_at, orders.refused_at, orders.returned_at)
    where freshness.kpi_code = 'quality.return_rate_pct'
    group by freshness.kpi_code
),

observed as (
    select
        kpi_code,
        count(*) as subjects_observed
    from {{ ref('fct_kpi_observations') }}
    where kpi_code in ('quality.first_pass_yield_pct', 'quality.return_rate_pct')
    group by kpi_code
)

select
    in_scope.kpi_code,
    in_scope.subjects_in_scope,
    observed.subjects_observed
from in_scope
left join observed
    on in_scope.kpi_code = observed.kpi_code
where in_scope.subjects_in_scope <> coalesce(observed.subjects_observed, 0)
