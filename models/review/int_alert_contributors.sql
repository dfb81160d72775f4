-- Grain: one row per KPI and official period in which one segment moved the whole.
with valued as (
    select
        reported.kpi_code,
        reported.segment_code,
        reported.period_start,
        reported.value,
        reported.denominator,
        case kpis.direction when 'higher' then 1 when 'lower' then -1 end as goodness
    from {{ ref('fct_kpi_values') }} as reported
    inner join {{ ref('dim_kpis') }} as kpis
        on reported.kpi_code = kpis.kpi_code
        and reported.period_grain = kpis.period
    where reported.value is not null
),

totals as (
    select
        kpi_code,
        period_start,
        value,
        denominator,
        lag(value) over (partition by kpi_code order by period_start) as earlier_value
    from valued
    where segment_code = 'all'
),

moves as (
    select
        segments.kpi_code,
        segments.period_start,
        segments.segment_code,
        segments.goodness,
        -- What the whole would have been spared, had this segment kept the earlier
        -- level: its own, where it is known.
        cast(segments.denominator as double)
        / nullif(cast(totals.denominator as double), 0)
        * (
            segments.value
            - coalesce(
                lag(segments.value) over (
                    partition by segments.kpi_code, segments.segment_code
                    order by segments.period_start
                ),
                totals.earlier_value
            )
        ) as shift
    from valued as segments
    inner join totals
        on segments.kpi_code = totals.kpi_code
        and segments.period_start = totals.period_start
    where segments.segment_code not in ('all', 'unknown')
)

select
    kpi_code,
    period_start,
    segment_code,
    round(shift, 9) as shift
from moves
where shift * goodness < 0
qualify row_number() over (
    partition by kpi_code, period_start
    order by shift * goodness, segment_code
) = 1
