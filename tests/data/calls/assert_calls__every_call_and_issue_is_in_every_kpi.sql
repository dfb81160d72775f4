-- Counted, undecided and excluded subjects add up to the calls or issues in scope: a
-- row here is a KPI that lost or invented some.
with call_kpis as (
    select
        kpis.kpi_code,
        kpis.subject,
        freshness.data_as_of
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on kpis.kpi_code = freshness.kpi_code
    where kpis.process_code = 'calls'
),

subjects as (
    select
        'call' as subject,
        call_id as subject_id,
        started_at as known_since_at
    from {{ ref('int_calls__calls_linked') }}
    union all
    select
        'rated_call' as subject,
        call_id as subject_id,
        started_at as known_since_at
    from {{ ref('int_calls__calls_linked') }}
    where score is not null
    union all
    select
        'issue' as subject,
        process_instance_id as subject_id,
        opened_at as known_since_at
    from {{ ref('int_calls__instances') }}
),

in_scope as (
    select
        call_kpis.kpi_code,
        count(subjects.subject_id) as subjects_in_scope
    from call_kpis
    left join subjects
        on call_kpis.subject = subjects.subject
        and call_kpis.data_as_of > subjects.known_since_at
    group by call_kpis.kpi_code
),

observed as (
    select
        call_kpis.kpi_code,
        count(observations.subject_id) as subjects_observed
    from call_kpis
    left join {{ ref('fct_kpi_observations') }} as observations
        on call_kpis.kpi_code = observations.kpi_code
    group by call_kpis.kpi_code
)

select
    in_scope.kpi_code,
    in_scope.subjects_in_scope,
    observed.subjects_observed
from in_scope
inner join observed
    on in_scope.kpi_code = observed.kpi_code
where in_scope.subjects_in_scope <> observed.subjects_observed
