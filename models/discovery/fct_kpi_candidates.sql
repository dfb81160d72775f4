-- Grain: one row per KPI that a process calls for, measurable or not.
with judged as (
    select * from {{ ref('int_kpi_candidates_judged') }}
),

messages as (
    select * from {{ ref('stg_registers__messages') }}
),

-- What sentences may call by its name.
labels as (
    select
        map_from_entries(list((code, label_en) order by code)) as en,
        map_from_entries(list((code, label_zh) order by code)) as zh
    from (
        select
            candidate_id as code,
            name_en as label_en,
            name_zh as label_zh
        from judged
        union all
        select
            steps.process_code || '/' || steps.activity_code as code,
            coalesce(map_steps.name_en, steps.activity_code) as label_en,
            coalesce(map_steps.name_zh, steps.activity_code) as label_zh
        from {{ ref('fct_discovered_steps') }} as steps
        left join {{ ref('dim_process_steps') }} as map_steps
            on steps.process_code = map_steps.process_code
            and steps.activity_code = map_steps.activity_code
        union all
        select
            substr(message_id, 7) as code,
            en as label_en,
            zh as label_zh
        from messages
        where starts_with(message_id, 'label_')
    ) as codes
),

evidenced as (
    select
        judged.*,
        cast(json_object(
            'from', judged.process_code || '/' || judged.from_activity_code,
            'to', judged.process_code || '/' || judged.to_activity_code,
            'unit', judged.unit,
            'baseline', judged.baseline,
            'grain', judged.period_grain,
            'periods', judged.periods,
            'median', judged.scale * judged.km_median_seconds,
            'share', 100 * paths.share,
            'p95', judged.scale * paths.p95_seconds,
            'cross', case
                when paths.is_collaboration then 100 * paths.cross_unit_share
            end,
            'efficiency', 100 * processes.flow_efficiency,
            'efficiency_without', 100 * paths.efficiency_without,
            'work', 100 * judged.work_share,
            'rework', 100 * judged.rework_share,
            'impact', 100 * judged.impact,
            'known', 100 * judged.reliability,
            'slow', judged.threshold_seconds / 3600.0,
            'lead_p50', judged.scale * processes.lead_p50_seconds,
            'lead_p95', judged.scale * processes.lead_p95_seconds,
            -- In quotes: a code of the log is no word of ours.
            'outcomes', replace(trim(judged.outcome_codes, '[]'), '","', '", "'),
            'window', judged.window_days,
            'counter', judged.counter_id,
            'gap', judged.counter_gap,
            'kept', judged.redundant_with_id,
            'rho', pairs.rho,
            'limit', judged.refusal_reason,
            'closed', case
                when judged.refusal_reason = 'few_closed'
                    then processes.closed_instances
            end,
            'needed', case
                when judged.refusal_reason = 'few_closed' then figures.instances
            end
        ) as string) as evidence
    from judged
    inner join {{ ref('int_discovery_defaults') }} as figures
        on judged.process_code = figures.process_code
    inner join {{ ref('fct_discovered_processes') }} as processes
        on judged.process_code = processes.process_code
    left join {{ ref('fct_discovered_paths') }} as paths
        on judged.process_code = paths.process_code
        and judged.from_activity_code = paths.from_activity_code
        and judged.to_activity_code = paths.to_activity_code
        and paths.path_kind = 'step'
    left join {{ ref('fct_kpi_candidate_pairs') }} as pairs
        on pairs.candidate_id = least(judged.candidate_id, judged.redundant_with_id)
        and pairs.other_candidate_id
        = greatest(judged.candidate_id, judged.redundant_with_id)
),

told as (
    select
        evidenced.candidate_id,
        parts.part_no,
        messages.en,
        messages.zh,
        evidenced.evidence,
        regexp_extract_all(messages.en, '[{]([a-z0-9_]+)[}]', 1) as names
    from evidenced
    inner join (
        values
        (1, 'reason'), (2, 'across'), (3, 'efficiency'), (4, 'level'), (5, 'refused'),
        (6, 'closed'), (7, 'redundant'), (8, 'counter'), (9, 'gap'), (10, 'core')
    ) as parts (part_no, part)
        on case parts.part
            when 'refused' then evidenced.status = 'refused'
            when 'closed' then evidenced.status = 'refused'
            when 'redundant' then evidenced.status = 'redundant'
            when 'core' then evidenced.is_core
            else evidenced.status <> 'refused'
        end
    inner join messages
        on messages.message_id = case parts.part
            when 'reason' then 'candidate_' || lower(evidenced.template_code)
            else 'candidate_' || parts.part
        end
),

known as (
    -- What is not known is not said.
    select * from told
    where
        len(
            list_filter(
                names,
                lambda name:
                json_extract_string(evidence, '$."' || name || '"') is null
            )
        ) = 0
),

sentences as (
    select
        messages.candidate_id,
    {% for language, joined in [('en', "' '"), ('zh', "''")] %}
        {{ ordered_concat(
            rendered(language, 'messages.evidence'), 'messages.part_no', joined
        ) }} as reason_{{ language }}{{ ',' if not loop.last }}
    {% endfor %}
    from known as messages
    cross join labels
    group by messages.candidate_id
)

select
    evidenced.candidate_id,
    evidenced.process_code,
    evidenced.template_code,
    evidenced.from_activity_code,
    evidenced.to_activity_code,
    evidenced.name_en,
    evidenced.name_zh,
    evidenced.measure_type,
    evidenced.statistic,
    evidenced.unit,
    evidenced.scale,
    evidenced.direction,
    evidenced.kind,
    evidenced.family,
    evidenced.assign_by,
    evidenced.path_clock,
    evidenced.handover_by,
    evidenced.activity_codes,
    evidenced.outcome_codes,
    evidenced.threshold_seconds,
    evidenced.window_days,
    evidenced.period_grain,
    evidenced.periods,
    evidenced.median_n,
    evidenced.baseline,
    evidenced.km_median_seconds,
    evidenced.impact,
    evidenced.reliability,
    evidenced.control,
    evidenced.outcome,
    evidenced.dispersion,
    evidenced.signal,
    evidenced.score,
    evidenced.status,
    evidenced.refusal_reason,
    evidenced.redundant_with_id,
    evidenced.counter_id,
    evidenced.counter_gap,
    evidenced.is_core,
    evidenced.evidence,
    sentences.reason_en,
    sentences.reason_zh
from evidenced
left join sentences
    on evidenced.candidate_id = sentences.candidate_id
