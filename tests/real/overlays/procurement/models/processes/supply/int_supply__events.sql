-- Grain: one row per milestone of a delivered line.
with milestones as (
    {% for activity, day in [
        ('quote', 'quoted_on'),
        ('order', 'ordered_on'),
        ('deliver', 'delivered_on'),
        ('record', 'recorded_on'),
    ] %}
    select
        line_no,
        '{{ activity }}' as activity_code,
        cast({{ day }} as timestamp) as occurred_at,
        batch_id
    from {{ ref('stg_scms__deliveries') }}
    where {{ day }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    'supply' as process_code,
    line_no as process_instance_id,
    line_no || '/' || activity_code as event_id,
    activity_code,
    cast(null as timestamp) as started_at,
    occurred_at,
    cast(null as varchar) as resource_id,
    cast(null as varchar) as org_unit_code,
    'scms' as source_system,
    batch_id
from milestones
