-- Grain: one row per KPI and segment with a one-sided target in force.
with targets as (
    select
        targets.kpi_code,
        targets.segment_code,
        targets.valid_from,
        targets.review_by,
        kpis.process_code,
        kpis.clock,
        split_part(kpis.version, '.', 1) as major,
        coalesce(kpis.resolution, 0) as resolution,
        case kpis.direction when 'higher' then 1 else -1 end as goodness,
        case kpis.direction
            when 'higher' then targets.target_min
            else targets.target_max
        end as target,
        figures.raise_after,
        figures.too_hard_after,
        figures.too_easy_after
    from {{ ref('dim_kpi_targets') }} as targets
    inner join {{ ref('dim_kpis') }} as kpis
        on targets.kpi_code = kpis.kpi_code
    inner join {{ ref('int_kpi_defaults') }} as figures
        on targets.kpi_code = figures.kpi_code
    where
        targets.phase = 'in_force'
        and kpis.status = 'active'
        and kpis.direction in ('higher', 'lower')
),

classed as (
    -- Only periods that the target itself has judged.
    select
        targets.*,
        status.period_start,
        status.value,
        status.sigma,
        status.assurance,
        status.is_final,
        status.state,
        case
            when status.is_final and status.status = 'on_target' then 'hit'
            when status.is_final and status.status in ('warning', 'alarm') then 'miss'
            else 'gap'
        end as said,
        max(case when status.is_final then status.period_start end) over (
            partition by status.kpi_code, status.segment_code
        ) as last_final_on
    from targets
    inner join {{ ref('fct_kpi_status') }} as status
        on targets.kpi_code = status.kpi_code
        and targets.segment_code = status.segment_code
        and targets.valid_from <= status.period_start
),

numbered as (
    -- A running period has not spoken yet; one that is held back breaks a run.
    select
        *,
        row_number() over (
            partition by kpi_code, segment_code
            order by period_start
        ) as period_no,
        row_number() over (
            partition by kpi_code, segment_code, said = 'gap'
            order by period_start desc
        ) as word_recency
    from classed
    where period_start <= last_final_on or state = 'held'
),

counted as (
    select
        *,
        count(*) over everything as period_count,
        coalesce(max(case when said <> 'hit' then period_no end) over everything, 0)
            as last_not_hit,
        coalesce(max(case when said <> 'miss' then period_no end) over everything, 0)
            as last_not_miss
    from numbered
    window everything as (partition by kpi_code, segment_code)
)

select
    kpi_code,
    segment_code,
    max(valid_from) as valid_from,
    max(review_by) as review_by,
    max(process_code) as process_code,
    max(clock) as clock,
    max(major) as major,
    max(resolution) as resolution,
    max(goodness) as goodness,
    max(target) as target,
    max_by(case when is_final then value end, period_start) as current_value,
    max_by(case when is_final then sigma end, period_start) as sigma,
    max_by(case when is_final then assurance end, period_start) as assurance,
    max(period_count - last_not_hit) as hits_running,
    max(period_count - last_not_miss) as misses_running,
    count(case when said = 'hit' and word_recency <= 12 then 1 end) as recent_hits,
    count(case when said <> 'gap' and word_recency <= 12 then 1 end) as recent_periods,
    min(
        case when said <> 'gap' and word_recency <= too_easy_after then period_start end
    ) as easy_from_on,
    -- When a run became long enough: the day that the finding is named by.
    max(case when period_no = last_not_hit + raise_after then period_start end)
        as raise_on,
    max(case when period_no = last_not_hit + too_easy_after then period_start end)
        as too_easy_on,
    coalesce(
        max(case when period_no = last_not_miss + too_hard_after then period_start end),
        min(case when assurance = 'fail' then period_start end)
    ) as too_hard_on
from counted
group by kpi_code, segment_code
