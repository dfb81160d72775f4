-- A row here is an application that the core or a KPI lost.
with found as (
    {% for kpi in [
        'kpi_loans__decision_hours',
        'kpi_loans__conversion_pct',
        'kpi_loans__work_minutes',
    ] %}
    select subject_id as application_no
    from {{ ref(kpi) }}
    union all
    {% endfor %}
    select process_instance_id as application_no
    from {{ ref('fct_process_instances') }}
    where process_code = 'loans'
),

places as (
    select
        application_no,
        count(*) as place_count
    from found
    group by application_no
)

select distinct changes.application_no
from {{ ref('stg_bank__changes') }} as changes
left join places
    on changes.application_no = places.application_no
where coalesce(places.place_count, 0) <> 4
