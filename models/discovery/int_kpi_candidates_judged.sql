-- Grain: one row per KPI that a process calls for, measurable or not.
with found as (
    select * from {{ ref('int_kpi_candidates_found') }}
),

templates as (
    select * from {{ ref('stg_registers__kpi_templates') }}
),

figures as (
    select * from {{ ref('int_discovery_defaults') }}
),

activities as (
    select
        steps.process_code,
        steps.activity_code,
        steps.work_share,
        steps.rework_share,
        coalesce(map_steps.name_en, steps.activity_code) as name_en,
        coalesce(map_steps.name_zh, steps.activity_code) as name_zh
    from {{ ref('fct_discovered_steps') }} as steps
    left join {{ ref('dim_process_steps') }} as map_steps
        on steps.process_code = map_steps.process_code
        and steps.activity_code = map_steps.activity_code
),

ranked_values as (
    select
        *,
        row_number() over (
            partition by candidate_id order by period_start desc
        ) as recency
    from {{ ref('fct_kpi_candidate_values') }}
    where value is not null
),

baselines as (
    select
        ranked_values.candidate_id,
        round(median(ranked_values.value), 9) as baseline
    from ranked_values
    inner join figures
        on ranked_values.process_code = figures.process_code
    where ranked_values.recency <= figures.level_periods
    group by ranked_values.candidate_id
),

gaps as (
    select
        found.candidate_id,
        {{ ordered_concat('distinct counters.needs', 'counters.needs', "'|'") }}
            as counter_gap
    from found
    inner join templates
        on found.template_code = templates.template_code
    inner join templates as counters
        on list_contains(
            string_split(templates.counters, '|'), counters.template_code
        )
    group by found.candidate_id
),

named as (
    select
        found.*,
        {% for language in ['en', 'zh'] %}
        case
            -- Refused before a place was found: the name is that of the kind.
            when found.from_activity_code is null
                then regexp_replace(
                    templates.name_{{ language }}, ' ?[{]from[}](.*[{]to[}])? ?', ''
                )
            else replace(
                replace(
                    templates.name_{{ language }},
                    '{from}', from_activities.name_{{ language }}
                ),
                '{to}', coalesce(to_activities.name_{{ language }}, '')
            )
        end as name_{{ language }},
        {% endfor %}
        templates.trigger_code,
        templates.direction,
        templates.kind,
        templates.family,
        templates.bound_min,
        templates.bound_max,
        from_activities.work_share,
        from_activities.rework_share
    from found
    inner join templates
        on found.template_code = templates.template_code
    left join activities as from_activities
        on found.process_code = from_activities.process_code
        and found.from_activity_code = from_activities.activity_code
    left join activities as to_activities
        on found.process_code = to_activities.process_code
        and found.to_activity_code = to_activities.activity_code
)

select
    named.candidate_id,
    named.process_code,
    named.template_code,
    named.from_activity_code,
    named.to_activity_code,
    named.name_en,
    named.name_zh,
    named.measure_type,
    named.statistic,
    scores.unit,
    scores.scale,
    named.direction,
    named.kind,
    named.family,
    named.assign_by,
    named.path_clock,
    named.handover_by,
    named.activity_codes,
    named.outcome_codes,
    named.threshold_seconds,
    named.window_days,
    named.bound_min,
    named.bound_max,
    named.work_share,
    named.rework_share,
    scores.period_grain,
    scores.periods,
    scores.median_n,
    baselines.baseline,
    case when named.template_code = 'T01' then medians.median_seconds end
        as km_median_seconds,
    scores.impact,
    scores.reliability,
    scores.control,
    scores.outcome,
    scores.dispersion,
    scores.signal,
    scores.score,
    case
        when scores.periods is null then 'refused'
        when choices.redundant_with_id is not null then 'redundant'
        else 'candidate'
    end as status,
    case
        when scores.periods is null then coalesce(named.refusal_reason, 'few_periods')
    end as refusal_reason,
    choices.redundant_with_id,
    choices.counter_id,
    case
        when choices.candidate_id is not null and choices.counter_id is null
            then gaps.counter_gap
    end as counter_gap,
    coalesce(choices.is_core, false) as is_core
from named
left join {{ ref('int_kpi_candidate_scores') }} as scores
    on named.candidate_id = scores.candidate_id
left join {{ ref('int_kpi_candidate_choices') }} as choices
    on named.candidate_id = choices.candidate_id
left join {{ ref('int_kpi_candidate_medians') }} as medians
    on named.process_code = medians.process_code
left join baselines
    on named.candidate_id = baselines.candidate_id
left join gaps
    on named.candidate_id = gaps.candidate_id
