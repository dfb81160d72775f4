-- Grain: one row per KPI and reviewed segment, or candidate, with a final period.
with subjects as (
    select
        kpis.kpi_code,
        kpis.measure_type,
        kpis.scale,
        kpis.bound_min,
        kpis.bound_max,
        kpis.ideal,
        figures.trend_p,
        figures.half_life_months,
        figures.proposal_months
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_defaults') }} as figures
        on kpis.kpi_code = figures.kpi_code
    union all
    select
        judged.candidate_id as kpi_code,
        judged.measure_type,
        judged.scale,
        judged.bound_min,
        judged.bound_max,
        cast(null as double) as ideal,
        figures.trend_p,
        figures.half_life_months,
        figures.proposal_months
    from {{ ref('int_kpi_candidates_judged') }} as judged
    inner join {{ ref('int_discovery_defaults') }} as figures
        on judged.process_code = figures.process_code
),

moved as (
    select
        *,
        abs(
            value - lag(value) over (
                partition by kpi_code, segment_code
                order by period_start
            )
        ) as moving_range
    from {{ ref('int_review_history') }}
),

summed as (
    select
        kpi_code,
        segment_code,
        max(goodness) as goodness,
        max(period_grain) as period_grain,
        count(*) as periods,
        count(case when is_recent then 1 end) as recent_periods,
        median(case when is_recent then value end) as recent_median,
        max(goodness) * max(goodness * value) as best_period,
        max(goodness) * quantile_cont(goodness * value, 0.9) as best_tenth_of_periods,
        -- Where the record would still be by chance alone, on the good side.
        avg(value) + max(goodness) * 2.66 * avg(moving_range) as good_limit
    from moved
    group by kpi_code, segment_code
),

joined as (
    select
        summed.*,
        trends.slope,
        coalesce(trends.p_better < subjects.trend_p, false) as is_improving,
        subjects.half_life_months,
        subjects.proposal_months,
        subjects.bound_min,
        subjects.bound_max,
        case summed.period_grain
            when 'day' then 365.25 / 12
            when 'week' then 365.25 / 84
            when 'quarter' then 1.0 / 3
            when 'half_year' then 1.0 / 6
            else 1.0
        end as periods_per_month,
        cases.cases,
        cases.best_quarter as best_quarter_of_cases,
        cases.best_tenth as best_tenth_of_cases,
        coalesce(
            subjects.ideal,
            case
                when subjects.measure_type = 'rate' and summed.goodness = 1
                    then subjects.scale
                when subjects.measure_type = 'rate' then 0
                else cases.best_twentieth
            end
        ) as ideal,
        benchmarks.benchmark
    from summed
    inner join subjects
        on summed.kpi_code = subjects.kpi_code
    left join {{ ref('int_review_trends') }} as trends
        on summed.kpi_code = trends.kpi_code
        and summed.segment_code = trends.segment_code
    left join {{ ref('int_review_cases') }} as cases
        on summed.kpi_code = cases.kpi_code
        and summed.segment_code = cases.segment_code
    left join {{ ref('int_review_benchmarks') }} as benchmarks
        on summed.kpi_code = benchmarks.kpi_code
)

select
    kpi_code,
    segment_code,
    goodness,
    periods,
    recent_periods,
    -- The median lies in the middle of a trend; the present at its end.
    round(
        recent_median + case
            when is_improving then slope * (recent_periods - 1) / 2
            else 0
        end,
        9
    ) as level,
    is_improving,
    slope * periods_per_month as slope_per_month,
    best_period,
    round(best_tenth_of_periods, 9) as best_tenth_of_periods,
    -- Least and greatest ignore a bound that is not there.
    round(least(greatest(good_limit, bound_min), bound_max), 9) as good_limit,
    coalesce(good_limit > bound_min, true)
    and coalesce(good_limit < bound_max, true) as is_limit_possible,
    ideal,
    cases,
    best_quarter_of_cases,
    best_tenth_of_cases,
    benchmark,
    half_life_months,
    proposal_months,
    bound_min,
    bound_max
from joined
