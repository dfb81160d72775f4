-- Grain: one row per candidate with a direction and a record.
select
    candidates.candidate_id,
    candidates.process_code,
    candidates.unit,
    candidates.direction,
    judged.target,
    judged.verdict,
    -- The proposal is the second most ambitious line, rounded.
    case proposals.second_line
        when judged.line_best_tenth then 'best_tenth'
        when judged.line_limit then 'limit'
        when judged.line_trend then 'trend'
        when judged.line_ideal then 'ideal'
        when judged.line_best_cases then 'best_cases'
    end as line_code,
    judged.level,
    judged.votes,
    judged.lines,
    judged.periods,
    judged.months_left,
    judged.line_best_tenth,
    judged.line_limit,
    judged.line_trend,
    judged.line_ideal,
    judged.line_best_cases,
    judged.best_reach
from {{ ref('int_targets_judged') }} as judged
inner join {{ ref('int_kpi_candidates_judged') }} as candidates
    on judged.kpi_code = candidates.candidate_id
inner join {{ ref('int_target_proposals') }} as proposals
    on judged.kpi_code = proposals.kpi_code
    and judged.segment_code = proposals.segment_code
