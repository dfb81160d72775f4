-- Grain: one row per step of an idea, per meeting and per rating cycle.
-- The sheets have days only: an event stands at the beginning of its day.
{% set milestones = [
    ('suggest', 'submitted_on'),
    ('adopt', 'adopted_on'),
    ('verify', 'measured_on'),
] %}

with all_events as (
    {% for activity_code, day in milestones %}
    select
        idea_no as process_instance_id,
        '{{ activity_code }}' as activity_code,
        {{ day }} as happened_on,
        'sheets' as source_system,
        batch_id
    from {{ ref('stg_sheets__ideas') }}
    where {{ day }} is not null
    union all
    {% endfor %}
    select
        'meeting-' || meeting_id as process_instance_id,
        'meet' as activity_code,
        min(held_on) as happened_on,
        'sheets' as source_system,
        min(batch_id) as batch_id
    from {{ ref('stg_sheets__invitations') }}
    where not is_cancelled
    group by meeting_id
    union all
    select
        'cycle-' || cycle_code as process_instance_id,
        'rate_360' as activity_code,
        cycle_to_on as happened_on,
        'hr' as source_system,
        min(batch_id) as batch_id
    from {{ ref('stg_hr__ratings') }}
    group by cycle_code, cycle_to_on
)

select
    'collaboration' as process_code,
    process_instance_id,
    process_instance_id || '-' || activity_code as event_id,
    activity_code,
    cast(null as timestamp) as started_at,
    {{ local_to_utc('cast(happened_on as timestamp)') }} as occurred_at,
    -- Rows about people hold units, never a person.
    cast(null as string) as resource_id,
    cast(null as string) as org_unit_code,
    source_system,
    batch_id
from all_events
