-- Grain: one row per KPI, segment and start of validity, planned targets included.
select
    targets.kpi_code,
    targets.segment_code,
    targets.valid_from,
    targets.phase,
    judged.target,
    kpis.unit,
    judged.verdict,
    coalesce(judged.verdict = 'stretch' and judged.votes = 0, false) as is_high_risk,
    judged.votes,
    judged.lines,
    judged.periods,
    judged.months_left,
    judged.level,
    judged.line_best_tenth,
    judged.line_limit,
    judged.line_trend,
    judged.line_ideal,
    judged.line_best_cases,
    judged.line_benchmark,
    judged.best_period,
    judged.best_tenth_of_cases,
    judged.best_reach,
    proposals.proposed_value,
    targets.approver_code,
    targets.intervention_code
from {{ ref('dim_kpi_targets') }} as targets
inner join {{ ref('dim_kpis') }} as kpis
    on targets.kpi_code = kpis.kpi_code
inner join {{ ref('int_targets_judged') }} as judged
    on targets.kpi_code = judged.kpi_code
    and targets.segment_code = judged.segment_code
    and targets.valid_from = judged.valid_from
left join {{ ref('int_target_proposals') }} as proposals
    on targets.kpi_code = proposals.kpi_code
    and targets.segment_code = proposals.segment_code
