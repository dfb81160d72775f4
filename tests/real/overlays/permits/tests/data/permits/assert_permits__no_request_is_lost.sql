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

select done.task_no
from {{ ref('stg_town__tasks') }} as done
left join places
    on done.request_no = places.request_no
left join {{ ref('fct_events') }} as published
    on
    done.task_no = published.event_id
    and published.process_code = 'permits'
where
    coalesce(places.place_count, 0) <> 4
    or published.event_id is null
