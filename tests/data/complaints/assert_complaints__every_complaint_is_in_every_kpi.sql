-- Counted, open, undecided and excluded subjects add up to the subjects in scope: a row
-- here is a KPI that lost or invented some. The repeat rate is of resolved complaints,
-- dispatch accuracy of assignments.
with complaint_kpis as (
    select
        kpis.kpi_code,
        kpis.subject,
        freshness.data_as_of
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on kpis.kpi_code = freshness.kpi_code
    where kpis.process_code = 'complaints'
),

subjects as (
    select
        'complaint' as subject,
        process_instance_id as subject_id,
        known_since_at
    from {{ ref('int_complaints__instances') }}
    union all
    select
        'resolved complaint' as subject,
        process_instance_id as subject_id,
        known_since_at
    from {{ ref('int_complaints__instances') }}
    where ended_at is not null
    union all
    select
        'assignment' as subject,
        event_id as subject_id,
        event_at as known_since_at
    from {{ ref('stg_helpdesk__complaint_events') }}
    where event_code in ('assigned', 'reassigned')
),

in_scope as (
    select
        complaint_kpis.kpi_code,
        subjects.subject_id
    from complaint_kpis
    inner join subjects
        on complaint_kpis.subject = subjects.subject
        and complaint_kpis.data_as_of > subjects.known_since_at
),

observed as (
    select
        kpi_code,
        subject_id
    from {{ ref('fct_kpi_observations') }}
    where kpi_code like 'complaints.%'
)

select
    coalesce(in_scope.kpi_code, observed.kpi_code) as kpi_code,
    coalesce(in_scope.subject_id, observed.subject_id) as subject_id
from in_scope
full outer join observed
    on in_scope.kpi_code = observed.kpi_code
    and in_scope.subject_id = observed.subject_id
where in_scope.subject_id is null or observed.subject_id is null
