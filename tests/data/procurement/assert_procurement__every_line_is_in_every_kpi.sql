-- Counted, open and excluded subjects add up to the subjects in scope: a row here is a
-- KPI that lost or invented some. Prices are of receipts, on-time delivery is of lines
-- fallen due.
with line_kpis as (
    select
        kpis.kpi_code,
        kpis.subject,
        freshness.data_as_of
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on kpis.kpi_code = freshness.kpi_code
    where kpis.process_code = 'procurement'
),

in_scope as (
    select
        line_kpis.kpi_code,
        order_lines.process_instance_id as subject_id
    from line_kpis
    inner join {{ ref('int_procurement__instances') }} as order_lines
        on line_kpis.data_as_of > order_lines.known_since_at
    where
        line_kpis.subject = 'line'
        or (line_kpis.subject = 'receipt' and order_lines.received_on is not null)
        or (
            line_kpis.subject = 'due line'
            and order_lines.requested_on < {{ local_date('line_kpis.data_as_of') }}
        )
),

observed as (
    select
        kpi_code,
        subject_id
    from {{ ref('fct_kpi_observations') }}
    where kpi_code like 'procurement.%'
)

select
    coalesce(in_scope.kpi_code, observed.kpi_code) as kpi_code,
    coalesce(in_scope.subject_id, observed.subject_id) as subject_id
from in_scope
full outer join observed
    on in_scope.kpi_code = observed.kpi_code
    and in_scope.subject_id = observed.subject_id
where in_scope.subject_id is null or observed.subject_id is null
