-- Grain: one row per KPI or candidate of cases with a value of their own, and segment.
with spans as (
    select
        kpi_code,
        segment_code,
        max(goodness) as goodness,
        min(period_start) as first_on,
        max(period_end) as end_on
    from {{ ref('int_review_history') }}
    group by kpi_code, segment_code
),

cases as (
    select
        spans.kpi_code,
        spans.segment_code,
        spans.goodness,
        spans.goodness
        * kpis.scale
        * cast(observations.numerator as double)
        / nullif(observations.denominator, 0) as goodness_of_case
    from spans
    inner join {{ ref('dim_kpis') }} as kpis
        on spans.kpi_code = kpis.kpi_code
    inner join {{ ref('fct_kpi_observations') }} as observations
        on spans.kpi_code = observations.kpi_code
        and spans.segment_code in ('all', observations.segment_code)
        and spans.first_on <= observations.measured_on
        and spans.end_on > observations.measured_on
    -- A single case of a rate is 0 or 1; its quantiles say nothing.
    where
        kpis.measure_type in ('duration', 'amount')
        and observations.state = 'counted'
    union all
    select
        spans.kpi_code,
        spans.segment_code,
        spans.goodness,
        spans.goodness * judged.scale * cases.numerator / cases.denominator
            as goodness_of_case
    from spans
    inner join {{ ref('int_kpi_candidates_judged') }} as judged
        on spans.kpi_code = judged.candidate_id
    inner join {{ ref('int_kpi_candidate_cases') }} as cases
        on spans.kpi_code = cases.candidate_id
        and spans.first_on <= cases.measured_on
        and spans.end_on > cases.measured_on
    -- No case is as slow as the slowest tenth; they say nothing of it.
    where
        judged.measure_type in ('duration', 'amount')
        and judged.statistic = 'mean'
)

select
    kpi_code,
    segment_code,
    count(*) as cases,
    round(max(goodness) * quantile_cont(goodness_of_case, 0.75), 9) as best_quarter,
    round(max(goodness) * quantile_cont(goodness_of_case, 0.90), 9) as best_tenth,
    round(max(goodness) * quantile_cont(goodness_of_case, 0.95), 9) as best_twentieth
from cases
group by kpi_code, segment_code
