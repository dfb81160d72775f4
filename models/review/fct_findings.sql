-- Grain: one row per finding that holds.
-- A new rule adds the name of its model to the list.
{% set rules = [
    'int_findings_targets',
    'int_findings_conflicts',
    'int_findings_improvements',
    'int_findings_pruning',
    'int_findings_core',
    'int_findings_behaviour',
    'int_findings_smart',
    'int_findings_map',
    'int_findings_publications',
] %}

with found as (
    {% for rule in rules %}
    select
        rule_id,
        severity,
        verdict,
        kpi_code,
        counter_kpi_code,
        objective_code,
        process_code,
        segment_code,
        period_start,
        message_id,
        evidence,
        current_value,
        proposed_value,
        proposed_change,
        owner_code
    from {{ ref(rule) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

named as (
    select
        *,
        {{ finding_id() }} as finding_id
    from found
),

labels as (
    select
        map_from_entries(list((code, label_en) order by code)) as en,
        map_from_entries(list((code, label_zh) order by code)) as zh
    from {{ ref('int_review_labels') }}
),

decisions as (
    select
        *,
        row_number() over (
            partition by subject_id
            -- The register only grows, so of one day the last row counts.
            order by decided_on desc, length(decision_code) desc, decision_code desc
        ) as recency
    from {{ ref('stg_registers__decisions') }}
    where
        subject_kind = 'finding'
        and action in ('accept', 'decline', 'snooze')
        and decided_on <= {{ as_of_date() }}
)

select
    named.finding_id,
    named.rule_id,
    named.severity,
    named.verdict,
    named.kpi_code,
    named.counter_kpi_code,
    coalesce(named.objective_code, kpis.objective_code) as objective_code,
    coalesce(named.process_code, kpis.process_code) as process_code,
    named.segment_code,
    named.period_start,
    {{ rendered('en', 'named.evidence') }} as message_en,
    {{ rendered('zh', 'named.evidence') }} as message_zh,
    named.evidence,
    named.current_value,
    named.proposed_value,
    named.proposed_change,
    coalesce(named.owner_code, kpis.owner_code) as owner_code,
    {{ as_of() }} as as_of,
    decisions.decision_code,
    decisions.decided_on,
    decisions.decider_code,
    case
        when decisions.action = 'accept' then 'accepted'
        when decisions.action = 'decline' then 'declined'
        when decisions.action = 'snooze' and decisions.until >= {{ as_of_date() }}
            then 'snoozed'
        else 'open'
    end as state
from named
cross join labels
left join {{ ref('dim_kpis') }} as kpis
    on named.kpi_code = kpis.kpi_code
left join {{ ref('stg_registers__messages') }} as messages
    on named.message_id = messages.message_id
left join decisions
    on named.finding_id = decisions.subject_id
    and decisions.recency = 1
