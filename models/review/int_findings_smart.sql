-- Grain: one row per active KPI and SMART check that found something.
select
    checks.check_id as rule_id,
    checks.severity,
    case substr(checks.check_id, 1, 1)
        when 'S' then 'not_specific'
        when 'M' then 'not_measurable'
        when 'A' then 'not_achievable'
        when 'R' then 'not_relevant'
        else 'not_timed'
    end as verdict,
    checks.kpi_code,
    cast(null as varchar) as counter_kpi_code,
    cast(null as varchar) as objective_code,
    cast(null as varchar) as process_code,
    'all' as segment_code,
    -- Named by what changes when it ends: the data, the review, the target, the KPI.
    case checks.check_id
        when 'M6' then coalesce(cast(facts.data_as_of as date), kpis.valid_from)
        when 'T6' then facts.next_review_on
        when 'A' then coalesce(targets.valid_from, kpis.valid_from)
        else kpis.valid_from
    end as period_start,
    'smart_' || lower(checks.check_id) as message_id,
    checks.evidence,
    cast(null as double) as current_value,
    cast(null as double) as proposed_value,
    cast(null as varchar) as proposed_change,
    cast(null as varchar) as owner_code
from {{ ref('fct_smart_checks') }} as checks
inner join {{ ref('dim_kpis') }} as kpis
    on checks.kpi_code = kpis.kpi_code
    and kpis.status = 'active'
inner join {{ ref('int_smart_facts') }} as facts
    on checks.kpi_code = facts.kpi_code
left join {{ ref('dim_kpi_targets') }} as targets
    on checks.kpi_code = targets.kpi_code
    and targets.segment_code = 'all'
    and targets.phase = 'in_force'
where
    checks.is_finding
    -- Asked elsewhere, with a proposal: a twin (P-1), a target out of reach (A-1), one
    -- that has long been too easy (TR-3).
    and checks.check_id <> 'R5'
    and not (
        checks.check_id = 'A'
        and facts.target_verdict in ('unachievable', 'invalid', 'too_easy')
    )
