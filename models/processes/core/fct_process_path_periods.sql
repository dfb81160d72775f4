-- Grain: one row per process, path, segment, period grain and period.
{% set grains = ['week', 'month'] %}
{% set measures = [
    ('waiting_elapsed', 'wait_elapsed_seconds'),
    ('waiting_working', 'wait_working_seconds'),
    ('gap_elapsed', 'gap_elapsed_seconds'),
    ('gap_working', 'gap_working_seconds'),
] %}

with paths as (
    select
        paths.*,
        instances.segment_code
    from {{ ref('fct_process_paths') }} as paths
    inner join {{ ref('int_process_instances') }} as instances
        on paths.process_code = instances.process_code
        and paths.process_instance_id = instances.process_instance_id
    where instances.exclusion_reason is null
),

periods as (
    {% for grain in grains %}
    select
        *,
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'moved_on') }} as period_start
    from paths
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

summed as (
    select
        process_code,
        path_kind,
        from_activity_code,
        to_activity_code,
        segment_code,
        period_grain,
        period_start,
        count(case when resource_change = 'handover' then 1 end)
            as resource_handover_count,
        count(case when resource_change = 'unknown' then 1 end)
            as unknown_resource_change_count,
        count(case when org_unit_change = 'handover' then 1 end)
            as org_unit_handover_count,
        count(case when org_unit_change = 'unknown' then 1 end)
            as unknown_org_unit_change_count,
        cast(sum(overlap_elapsed_seconds) as bigint) as overlap_elapsed_seconds,
        {% for measure, seconds in measures %}
        count({{ seconds }}) as {{ measure }}_count,
        cast(sum({{ seconds }}) as bigint) as {{ measure }}_seconds,
        {% endfor %}
        count(*) as path_count
    from periods
    group by
        process_code,
        path_kind,
        from_activity_code,
        to_activity_code,
        segment_code,
        period_grain,
        period_start
)

select
    summed.process_code,
    summed.path_kind,
    summed.from_activity_code,
    summed.to_activity_code,
    summed.segment_code,
    summed.period_grain,
    summed.period_start,
    from_steps.step_no as from_step_no,
    from_steps.name_en as from_name_en,
    from_steps.name_zh as from_name_zh,
    to_steps.step_no as to_step_no,
    to_steps.name_en as to_name_en,
    to_steps.name_zh as to_name_zh,
    coalesce(to_steps.step_no < from_steps.step_no, false) as is_backward,
    summed.path_count,
    summed.resource_handover_count,
    summed.unknown_resource_change_count,
    summed.org_unit_handover_count,
    summed.unknown_org_unit_change_count,
    summed.overlap_elapsed_seconds,
    summed.waiting_elapsed_count,
    summed.waiting_elapsed_seconds,
    summed.waiting_working_count,
    summed.waiting_working_seconds,
    summed.gap_elapsed_count,
    summed.gap_elapsed_seconds,
    summed.gap_working_count,
    summed.gap_working_seconds
from summed
left join {{ ref('dim_process_steps') }} as from_steps
    on summed.process_code = from_steps.process_code
    and summed.from_activity_code = from_steps.activity_code
    and summed.path_kind <> 'start'
left join {{ ref('dim_process_steps') }} as to_steps
    on summed.process_code = to_steps.process_code
    and summed.to_activity_code = to_steps.activity_code
    and summed.path_kind in ('start', 'step')
