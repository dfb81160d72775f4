-- Grain: one row per target and rule that has something to propose.
select
    'A-1' as rule_id,
    'F' as severity,
    checks.verdict,
    checks.kpi_code,
    checks.segment_code,
    checks.valid_from,
    checks.valid_from as since,
    case checks.verdict
        when 'invalid' then 'target_invalid'
        else 'target_unachievable'
    end as message_id,
    json_object(
        'target', round(checks.target, 4),
        'unit', checks.unit,
        'valid_from', checks.valid_from,
        'level', round(checks.level, 4),
        'best', round(checks.best_reach, 4),
        'votes', checks.votes,
        'lines', checks.lines,
        'proposed', checks.proposed_value
    ) as evidence,
    checks.level as current_value,
    checks.proposed_value
from {{ ref('fct_target_checks') }} as checks
inner join {{ ref('dim_kpis') }} as kpis
    on checks.kpi_code = kpis.kpi_code
where
    kpis.status = 'active'
    and checks.phase <> 'past'
    and checks.verdict in ('unachievable', 'invalid')
union all
select
    reviews.rule_id,
    case reviews.rule_id when 'TR-3' then 'info' else 'W' end as severity,
    reviews.verdict,
    reviews.kpi_code,
    reviews.segment_code,
    reviews.valid_from,
    reviews.since,
    case
        when reviews.proposed_value is not null or reviews.verdict = 'stale'
            then 'target_' || reviews.verdict
        when reviews.verdict = 'too_hard' then 'target_keep'
        else 'target_monitor'
    end as message_id,
    json_object(
        'target', round(reviews.target, 4),
        'unit', kpis.unit,
        'value', round(reviews.current_value, 4),
        'benchmark', reviews.benchmark,
        'proposed', reviews.proposed_value,
        'strength', reviews.strength,
        'hits', reviews.hits_running,
        'misses', reviews.misses_running,
        'chance', round(100 * reviews.p_hit),
        'since', reviews.since
    ) as evidence,
    reviews.current_value,
    reviews.proposed_value
from {{ ref('fct_target_reviews') }} as reviews
inner join {{ ref('dim_kpis') }} as kpis
    on reviews.kpi_code = kpis.kpi_code
where reviews.verdict in ('raise', 'too_hard', 'too_easy', 'stale')
