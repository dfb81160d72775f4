-- Every value must be the sum of its observations, in every grain and segment, and
-- every observation must be in some value: a row here is a number nobody could explain.
with spans as (
    -- What each value claims to count, from its own dates.
    select distinct
        kpi_code,
        period_grain,
        period_start,
        case
            when period_grain = 'ytd'
                then cast(date_trunc('year', period_start) as date)
            else period_start
        end as counts_from,
        period_end
    from {{ ref('fct_kpi_values') }}
),

segmented as (
    {% for segment in ['segment_code', "'all'"] %}
    select
        kpi_code,
        measured_on,
        {{ segment }} as segment_code,
        numerator,
        denominator,
        state
    from {{ ref('fct_kpi_observations') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

daily as (
    select
        kpi_code,
        measured_on,
        segment_code,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        count(case when state = 'counted' then 1 end) as counted_count,
        count(case when state = 'open' then 1 end) as open_count,
        count(case when state = 'undecided' then 1 end) as undecided_count,
        count(case when state = 'excluded' then 1 end) as excluded_count
    from segmented
    group by kpi_code, measured_on, segment_code
),

sums as (
    select
        daily.kpi_code,
        spans.period_grain,
        spans.period_start,
        daily.segment_code,
        coalesce(sum(daily.numerator), 0) as numerator,
        coalesce(sum(daily.denominator), 0) as denominator,
        sum(daily.counted_count) as counted_count,
        sum(daily.open_count) as open_count,
        sum(daily.undecided_count) as undecided_count,
        sum(daily.excluded_count) as excluded_count
    from daily
    left join spans
        on daily.kpi_code = spans.kpi_code
        and daily.measured_on >= spans.counts_from
        and daily.measured_on < spans.period_end
    group by
        daily.kpi_code, spans.period_grain, spans.period_start, daily.segment_code
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
