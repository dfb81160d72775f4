-- Every value must be the sum of its observations, in every grain and segment, and every
-- observation must be in some value: a row here is a number nobody could explain.
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

(
    select 'missing in fct_kpi_values' as finding, sums.* from sums
    except
    select 'missing in fct_kpi_values' as finding, published.* from published
)
union all
(
    select 'not in fct_kpi_observations' as finding, published.* from published
    except
    select 'not in fct_kpi_observations' as finding, sums.* from sums
)
