-- An instance waits for a step on the path that leads to it: a row here is a step whose
-- waiting, gaps or hand-overs differ from those of its paths in a period.
{% set measures = [
    'waiting_elapsed_seconds',
    'waiting_working_seconds',
    'gap_elapsed_seconds',
    'gap_working_seconds',
    'resource_handover_count',
    'org_unit_handover_count',
] %}

with of_steps as (
    select
        process_code,
        activity_code,
        segment_code,
        period_grain,
        period_start,
        {% for measure in measures %}
        coalesce({{ measure }}, 0) as {{ measure }},
        {% endfor %}
        step_count
    from {{ ref('fct_process_step_periods') }}
),

of_paths as (
    select
        process_code,
        to_activity_code as activity_code,
        segment_code,
        period_grain,
        period_start,
        {% for measure in measures %}
        coalesce(sum({{ measure }}), 0) as {{ measure }},
        {% endfor %}
        sum(path_count) as step_count
    from {{ ref('fct_process_path_periods') }}
    where path_kind in ('start', 'step')
    group by process_code, to_activity_code, segment_code, period_grain, period_start
)

select
    of_steps.process_code,
    of_steps.activity_code,
    of_steps.segment_code,
    of_steps.period_grain,
    of_steps.period_start
from of_steps
left join of_paths
    on of_steps.process_code = of_paths.process_code
    and of_steps.activity_code = of_paths.activity_code
    and of_steps.segment_code is not distinct from of_paths.segment_code
    and of_steps.period_grain = of_paths.period_grain
    and of_steps.period_start = of_paths.period_start
where
    of_paths.process_code is null
    {% for measure in measures %}
    or of_steps.{{ measure }} <> of_paths.{{ measure }}
    {% endfor %}
    or of_steps.step_count <> of_paths.step_count
