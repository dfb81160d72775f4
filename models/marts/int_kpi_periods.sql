-- Grain: one row per KPI, period grain, period and segment, from the first day measured
-- to the last day that was over when the run looked back.
with bounds as (
    select
        kpis.kpi_code,
        -- A KPI without any data shows as not measurable on the last day.
        coalesce(
            min(daily.measured_on), {{ add_days(as_of_date(), -1) }}
        ) as first_on,
        -- Greatest ignores NULL: without data, the last day.
        greatest(
            max(daily.measured_on), {{ add_days(as_of_date(), -1) }}
        ) as last_on
    from {{ ref('dim_kpis') }} as kpis
    left join {{ ref('fct_kpi_daily') }} as daily
        on kpis.kpi_code = daily.kpi_code
    group by kpis.kpi_code
),

days as (
    select
        kpi_code,
        {{ each_date('first_on', 'last_on') }} as local_date
    from bounds
),

segments as (
    select
        kpi_code,
        'all' as segment_code
    from {{ ref('dim_kpis') }}
    union
    select
        kpi_code,
        segment_code
    from {{ ref('fct_kpi_daily') }}
),

periods as (
    {% for grain in period_grains() %}
    select distinct
        kpi_code,
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'local_date') }} as period_start,
        {{ period_end(grain, 'local_date') }} as period_end
    from days
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    periods.kpi_code,
    periods.period_grain,
    periods.period_start,
    periods.period_end,
    segments.segment_code
from periods
inner join segments
    on periods.kpi_code = segments.kpi_code
