-- Grain: one row per candidate and closed period of its grain.
select
    periods.candidate_id,
    scores.process_code,
    periods.period_grain,
    periods.period_start,
    periods.period_end,
    periods.numerator,
    periods.denominator,
    periods.n,
    round(
        scores.scale * periods.numerator / nullif(periods.denominator, 0), 9
    ) as value
from {{ ref('int_kpi_candidate_periods') }} as periods
inner join {{ ref('int_kpi_candidate_scores') }} as scores
    on periods.candidate_id = scores.candidate_id
