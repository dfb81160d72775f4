-- Weeks, and months, of all steps and segments add up to the steps themselves: a row
-- here is a process and grain that lost or doubled some.
{% set measures = [
    ('processing_elapsed_seconds', 'service_elapsed_seconds'),
    ('processing_working_seconds', 'service_working_seconds'),
    ('rework_count', 'case when steps.is_rework then 1 end'),
    ('reopening_count', 'case when steps.is_reopening then 1 end'),
    ('repeated_approval_count', 'case when steps.is_repeated_approval then 1 end'),
    (
        'resource_handover_count',
        "case when steps.resource_change = 'handover' then 1 end"
    ),
    (
        'org_unit_handover_count',
        "case when steps.org_unit_change = 'handover' then 1 end"
    ),
] %}

with expected as (
    select
        steps.process_code,
        {% for measure, value in measures %}
        coalesce(sum({{ value }}), 0) as {{ measure }},
        {% endfor %}
        count(*) as step_count
    from {{ ref('fct_process_steps') }} as steps
    inner join {{ ref('int_process_instances') }} as instances
        on steps.process_code = instances.process_code
        and steps.process_instance_id = instances.process_instance_id
    where steps.state = 'completed' and instances.exclusion_reason is null
    group by steps.process_code
),

grains as (
    select 'week' as period_grain
    union all
    select 'month' as period_grain
),

actual as (
    select
        process_code,
        period_grain,
        {% for measure, value in measures %}
        coalesce(sum({{ measure }}), 0) as {{ measure }},
        {% endfor %}
        sum(step_count) as step_count
    from {{ ref('fct_process_step_periods') }}
    group by process_code, period_grain
)

select
    expected.process_code,
    grains.period_grain
from expected
cross join grains
left join actual
    on expected.process_code = actual.process_code
    and grains.period_grain = actual.period_grain
where
    actual.process_code is null
    {% for measure, value in measures %}
    or expected.{{ measure }} <> actual.{{ measure }}
    {% endfor %}
    or expected.step_count <> actual.step_count
