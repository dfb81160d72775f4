-- A row here is a task or request that the core or a KPI lost.
with found as (
    {% for kpi in [
        'kpi_permits__handling_days',
        'kpi_permits__in_time_pct',
        'kpi_permits__confirmation_hours',
    ] %}
    select subject_id as request_no
    from {{ ref(kpi) }}
    union all
    {% endfor %}
    select process_instance_id as request_no
    from {{ ref('fct_process_instances') }}
    where process_code = 'permits'
),

places as (
    select
        request_no,
        count(*) as place_count
    from found
    group by request_no
)

select tasks.task_no
from {{ ref('stg_town__tasks') }} as tasks
left join places
    on tasks.request_no = places.request_no
left join {{ ref('fct_events') }} as events
    on
        tasks.task_no = events.event_id
        and events.process_code = 'permits'
where
    coalesce(places.place_count, 0) <> 4
    or events.event_id is null
