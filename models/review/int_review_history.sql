-- Grain: one row per KPI, reviewed segment and final period that its targets answer to.
with ranked as (
    select
        series.*,
        row_number() over recent as recency,
        max(series.epoch) over (
            partition by series.kpi_code, series.segment_code
        ) as newest_epoch,
        figures.level_periods,
        figures.level_history
    from {{ ref('int_review_series') }} as series
    inner join {{ ref('int_kpi_defaults') }} as figures
        on series.kpi_code = figures.kpi_code
    where series.is_final and series.goodness is not null
    window recent as (
        partition by series.kpi_code, series.segment_code
        order by series.period_start desc
    )
)

select
    kpi_code,
    segment_code,
    period_grain,
    period_start,
    period_end,
    goodness,
    value,
    n,
    cast(recency as bigint) as recency,
    recency <= level_periods as is_recent
from ranked
where epoch = newest_epoch and recency <= level_history
