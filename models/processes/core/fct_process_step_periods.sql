-- Grain: one row per process, activity, segment, period grain and period.
{% set grains = ['week', 'month'] %}
{% set measures = [
    ('processing_elapsed', 'service_elapsed_seconds'),
    ('processing_working', 'service_working_seconds'),
    ('waiting_elapsed', 'wait_elapsed_seconds'),
    ('waiting_working', 'wait_working_seconds'),
    ('gap_elapsed', 'gap_elapsed_seconds'),
    ('gap_working', 'gap_working_seconds'),
] %}

with steps as (
    select
        steps.*,
        instances.segment_code,
        paths.wait_elapsed_seconds,
        paths.wait_working_seconds,
        paths.gap_elapsed_seconds,
        paths.gap_working_seconds
    from {{ ref('fct_process_steps') }} as steps
    inner join {{ ref('int_process_instances') }} as instances
        on steps.process_code = instances.process_code
        and steps.process_instance_id = instances.process_instance_id
    left join {{ ref('fct_process_paths') }} as paths
        on steps.process_code = paths.process_code
        and steps.process_instance_id = paths.process_instance_id
        and steps.event_no = paths.path_no
        and paths.path_kind = 'step'
    where steps.state = 'completed' and instances.exclusion_reason is null
),

periods as (
    {% for grain in grains %}
    select
        *,
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'occurred_on') }} as period_start
    from steps
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

summed as (
    select
        process_code,
        activity_code,
        segment_code,
        period_grain,
        period_start,
        count(repetition_where) as repetition_count,
        count(case when is_rework then 1 end) as rework_count,
        count(case when is_reopening then 1 end) as reopening_count,
        count(case when resource_change = 'handover' then 1 end)
            as resource_handover_count,
        count(case when resource_change = 'unknown' then 1 end)
            as unknown_resource_change_count,
        count(case when org_unit_change = 'handover' then 1 end)
            as org_unit_handover_count,
        count(case when org_unit_change = 'unknown' then 1 end)
            as unknown_org_unit_change_count,
        count(case when is_repeated_approval then 1 end) as repeated_approval_count,
        count(case when is_serial_approval then 1 end) as serial_approval_count,
        {% for measure, seconds in measures %}
        count({{ seconds }}) as {{ measure }}_count,
        cast(sum({{ seconds }}) as bigint) as {{ measure }}_seconds,
        {% endfor %}
        count(*) as step_count
    from periods
    group by process_code, activity_code, segment_code, period_grain, period_start
)

select
    summed.process_code,
    summed.activity_code,
    summed.segment_code,
    summed.period_grain,
    summed.period_start,
    map_steps.activity_code is not null as is_on_map,
    map_steps.step_no,
    map_steps.name_en,
    map_steps.name_zh,
    map_steps.kind,
    map_steps.value,
    map_steps.nva_reason,
    summed.step_count,
    summed.repetition_count,
    summed.rework_count,
    summed.reopening_count,
    summed.resource_handover_count,
    summed.unknown_resource_change_count,
    summed.org_unit_handover_count,
    summed.unknown_org_unit_change_count,
    summed.repeated_approval_count,
    summed.serial_approval_count,
    summed.processing_elapsed_count,
    summed.processing_elapsed_seconds,
    summed.processing_working_count,
    summed.processing_working_seconds,
    summed.waiting_elapsed_count,
    summed.waiting_elapsed_seconds,
    summed.waiting_working_count,
    summed.waiting_working_seconds,
    summed.gap_elapsed_count,
    summed.gap_elapsed_seconds,
    summed.gap_working_count,
    summed.gap_working_seconds
from summed
left join {{ ref('dim_process_steps') }} as map_steps
    on summed.process_code = map_steps.process_code
    and summed.activity_code = map_steps.activity_code
