-- Grain: one row per KPI that is not retired, and check; of two severities the graver.
-- A check is a sentence about the KPI that must not hold.
{% set checks = [
    ('S1', 'F', "regexp_matches(lower(name_en), quantity_words || '.*( and | & ).*' || quantity_words)",
     "json_object('name', name_en)"),
    ('S1', 'F', "regexp_matches(name_zh, quantity_words || '.*(&|与|和|及).*' || quantity_words)",
     "json_object('name', name_zh)"),
    ('S2', 'F', "not (has_from_step and has_to_step)",
     "json_object('step', case when has_from_step then to_activity_code else from_activity_code end)"),
    ('S3', 'F', "case measure_type when 'duration' then unit not in ('seconds', 'minutes', 'hours', 'days') when 'rate' then unit <> 'pct' when 'score' then unit <> 'score' else unit in ('seconds', 'minutes', 'hours', 'days') end",
     "json_object('unit', unit, 'type', 'type_' || measure_type)"),
    ('S4', 'F', "has_target and case direction when 'higher' then target_min is null or target_max is not null when 'lower' then target_max is null or target_min is not null else target_min is null or target_max is null end",
     "json_object('direction', direction)"),
    ('S5', 'F', "regexp_matches(lower(name_en), '^' || vague_verbs || '\\b') or regexp_matches(lower(name_en), '\\b' || vague_adjectives || '\\b')",
     "json_object('name', name_en)"),
    ('S5', 'F', "regexp_matches(name_zh, '^' || vague_verbs) or regexp_matches(name_zh, vague_adjectives)",
     "json_object('name', name_zh)"),
    ('S6', 'F', "(change_type = 'level' and regexp_matches(concat_ws(' ', name_en, name_zh, target_reason), '([+＋]|提升|提高|增长|降低|下降|increase|raise|reduce|cut|improve)\\D{0,12}\\d+([.]\\d+)?\\s*[%％]')) or (change_type <> 'level' and baseline is null)",
     "json_object('change', case when change_type = 'level' then 'relative_or_points' else 'no_baseline' end)"),
    ('S7', 'W', "coalesce(name_en, '') = '' or coalesce(name_zh, '') = ''",
     "json_object('language', case when coalesce(name_en, '') = '' then 'en' else 'zh' end)"),
    ('M2', 'F', "measurable_periods < smart_measurable_share * periods or periods = 0",
     "json_object('n', measurable_periods, 'periods', periods)"),
    ('M3', 'F', "complete_share < smart_complete_fail",
     "json_object('share', round(100 * (1 - complete_share), 1))"),
    ('M3', 'W', "complete_share >= smart_complete_fail and complete_share < smart_complete_warn",
     "json_object('share', round(100 * (1 - complete_share), 1))"),
    ('M4', 'W', "measure_type = 'rate' and rarer_outcomes < smart_events",
     "json_object('events', rarer_outcomes)"),
    ('M6', 'F', "is_stale and periods > 0",
     "json_object('data', coalesce(strftime(" ~ utc_to_local('data_as_of') ~ ", '%Y-%m-%d %H:%M'), 'none_yet'))"),
    ('M7', 'F', "is_manual and (data_owner_code is null or coalesce(newest_n, 0) = 0)",
     "json_object('owner', coalesce(data_owner_code, '-'))"),
    ('M8', 'W', "moving_ranges < smart_ranges",
     "json_object('ranges', moving_ranges)"),
    ('R1', 'F', "not reaches_strategy",
     "json_object('goal', coalesce(objective_code, '-'))"),
    ('R2', 'W', "siblings >= smart_siblings and weight_share > smart_weight",
     "json_object('share', round(100 * weight_share))"),
    ('R3', 'W', "is_red_under_green",
     "json_object('goal', coalesce(objective_code, '-'))"),
    ('R4', 'F', "family in ('speed', 'cost', 'volume') and counters = 0",
     "json_object('family', 'family_' || family)"),
    ('R5', 'F', "twin_code is not null",
     "json_object('twin', twin_code)"),
    ('R6', 'W', "controlled_share < smart_control",
     "json_object('share', round(100 * controlled_share))"),
    ('T1', 'F', "period is null or (process_code is not null and timezone is null)",
     "json_object()"),
    ('T2', 'F', "assign_by is null",
     "json_object()"),
    ('T3', 'F', "not has_target or (due_on is null and review_by is null)",
     "json_object()"),
    ('T4', 'W', "publish_lag_days is null",
     "json_object()"),
    ('T5', 'W', "median_n < n_min",
     "json_object('n', median_n, 'least', n_min)"),
    ('T6', 'W', "next_review_on <= " ~ as_of_date() ~ "",
     "json_object('day', cast(next_review_on as varchar))"),
    ('A', 'F', "target_verdict in ('unachievable', 'invalid') or (target_verdict = 'stretch' and (approver_code is null or intervention_code is null))",
     "json_object('verdict', target_verdict)"),
    ('A', 'W', "target_verdict = 'too_easy'",
     "json_object('verdict', target_verdict)"),
] %}

with checked as (
    {% for check_id, severity, condition, evidence in checks %}
    select
        kpi_code,
        '{{ check_id }}' as check_id,
        '{{ severity }}' as severity,
        coalesce({{ condition }}, false) as is_finding,
        cast({{ evidence }} as varchar) as evidence
    from {{ ref('int_smart_facts') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

ranked as (
    select
        *,
        row_number() over (
            partition by kpi_code, check_id
            -- What is found comes before what is not, and F before W; of two names that
            -- are at fault, one.
            order by is_finding desc, severity asc, evidence asc
        ) as gravity
    from checked
),

labels as (
    select
        map_from_entries(list((code, label_en) order by code)) as en,
        map_from_entries(list((code, label_zh) order by code)) as zh
    from {{ ref('int_review_labels') }}
)

select
    ranked.kpi_code,
    ranked.check_id,
    ranked.severity,
    ranked.is_finding,
    ranked.evidence,
    case
        when ranked.is_finding
            then {{ rendered('en', 'ranked.evidence') }}
    end as message_en,
    case
        when ranked.is_finding
            then {{ rendered('zh', 'ranked.evidence') }}
    end as message_zh
from ranked
cross join labels
left join {{ ref('stg_registers__messages') }} as messages
    on messages.message_id = 'smart_' || lower(ranked.check_id)
where ranked.gravity = 1
