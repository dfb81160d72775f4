-- Counted, open, undecided and excluded leads add up to the leads in scope: a row here
-- is a KPI that lost or invented leads.
with lead_kpis as (
    select
        kpis.kpi_code,
        freshness.data_as_of
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on kpis.kpi_code = freshness.kpi_code
    where kpis.process_code = 'leads' and kpis.subject = 'lead'
),

in_scope as (
    select
        lead_kpis.kpi_code,
        count(leads.process_instance_id) as leads_in_scope
    from lead_kpis
    left join {{ ref('int_leads__instances') }} as leads
        on lead_kpis.data_as_of > leads.known_since_at
    group by lead_kpis.kpi_code
),

observed as (
    select
        lead_kpis.kpi_code,
        count(observations.subject_id) as leads_observed
    from lead_kpis
    left join {{ ref('fct_kpi_observations') }} as observations
        on lead_kpis.kpi_code = observations.kpi_code
    group by lead_kpis.kpi_code
)

select
    in_scope.kpi_code,
    in_scope.leads_in_scope,
    observed.leads_observed
from in_scope
inner join observed
    on in_scope.kpi_code = observed.kpi_code
where in_scope.leads_in_scope <> observed.leads_observed
