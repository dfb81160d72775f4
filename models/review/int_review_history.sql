-- Grain: one row per KPI or candidate, segment and period that its targets answer to.
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
),

candidates as (
    select
        recorded.*,
        case judged.direction when 'higher' then 1 else -1 end as goodness,
        row_number() over (
            partition by recorded.candidate_id order by recorded.period_start desc
        ) as recency,
        figures.level_periods,
        figures.level_history
    from {{ ref('fct_kpi_candidate_values') }} as recorded
    inner join {{ ref('int_kpi_candidates_judged') }} as judged
        on recorded.candidate_id = judged.candidate_id
    inner join {{ ref('int_discovery_defaults') }} as figures
        on recorded.process_code = figures.process_code
    where recorded.value is not null and judged.direction in ('higher', 'lower')
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
union all
select
    candidate_id as kpi_code,
    'all' as segment_code,
    period_grain,
    period_start,
    period_end,
    goodness,
    value,
    n,
    cast(recency as bigint) as recency,
    recency <= level_periods as is_recent
from candidates
where recency <= level_history
