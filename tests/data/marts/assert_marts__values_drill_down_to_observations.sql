-- Every value must be the sum of its observations, in every grain and segment, and
-- every observation must be in some value: a row here is a number nobody could explain.
{% set grains = ['day', 'week', 'month'] %}

with drilled as (
    {% for grain in grains %}
    {% for segment in ['segment_code', "'all'"] %}
    select
        kpi_code,
        '{{ grain }}' as period_grain,
        cast(date_trunc('{{ grain }}', measured_on) as date) as period_start,
        {{ segment }} as segment_code,
        numerator,
        denominator,
        state
    from {{ ref('fct_kpi_observations') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

sums as (
    select
        kpi_code,
        period_grain,
        period_start,
        segment_code,
        coalesce(sum(numerator), 0) as numerator,
        coalesce(sum(denominator), 0) as denominator,
        count(case when state = 'counted' then 1 end) as counted_count,
        count(case when state = 'open' then 1 end) as open_count,
        count(case when state = 'undecided' then 1 end) as undecided_count,
        count(case when state = 'excluded' then 1 end) as excluded_count
    from drilled
    group by kpi_code, period_grain, period_start, segment_code
),

published as (
    select
        kpi_code,
        period_grain,
        period_start,
        segment_code,
        coalesce(numerator, 0) as numerator,
        coalesce(denominator, 0) as denominator,
        counted_count,
        open_count,
        undecided_count,
        excluded_count
    from {{ ref('fct_kpi_values') }}
    where counted_count + open_count + undecided_count + excluded_count > 0
)

select
    coalesce(sums.kpi_code, published.kpi_code) as kpi_code,
    coalesce(sums.period_grain, published.period_grain) as period_grain,
    coalesce(sums.period_start, published.period_start) as period_start,
    coalesce(sums.segment_code, published.segment_code) as segment_code,
    sums.numerator as summed_numerator,
    published.numerator as published_numerator
from sums
full outer join published
    on sums.kpi_code = published.kpi_code
    and sums.period_grain = published.period_grain
    and sums.period_start = published.period_start
    and sums.segment_code = published.segment_code
where
    sums.kpi_code is null
    or published.kpi_code is null
    or sums.numerator <> published.numerator
    or sums.denominator <> published.denominator
    or sums.counted_count <> published.counted_count
    or sums.open_count <> published.open_count
    or sums.undecided_count <> published.undecided_count
    or sums.excluded_count <> published.excluded_count
