-- Grain: one row per KPI, reviewed segment and final period.
with finals as (
    select
        series.kpi_code,
        series.segment_code,
        series.epoch,
        series.period_start,
        series.value,
        series.goodness,
        series.bound_min,
        series.bound_max,
        figures.signal_periods,
        figures.signal_locked_periods,
        figures.signal_run,
        row_number() over epochs as period_no,
        abs(series.value - lag(series.value) over epochs) as moving_range
    from {{ ref('int_review_series') }} as series
    inner join {{ ref('int_kpi_defaults') }} as figures
        on series.kpi_code = figures.kpi_code
    where series.is_final
    window epochs as (
        partition by series.kpi_code, series.segment_code, series.epoch
        order by series.period_start
    )
),

limits as (
    -- Individuals and moving ranges: 2.66 and 3.268 times the mean moving range.
    select
        kpi_code,
        segment_code,
        epoch,
        count(*) as limit_periods,
        count(*) >= max(signal_locked_periods) as is_locked,
        round(avg(value), 9) as mean,
        round(avg(moving_range), 9) as mean_moving_range,
        count(distinct moving_range) as moving_ranges
    from finals
    where period_no <= signal_locked_periods
    group by kpi_code, segment_code, epoch
    having count(*) >= max(signal_periods)
),

measured as (
    select
        finals.*,
        limits.limit_periods,
        limits.is_locked,
        limits.mean,
        limits.mean_moving_range,
        limits.moving_ranges,
        -- Least and greatest ignore a bound that is not there.
        greatest(
            limits.mean - 2.66 * limits.mean_moving_range, finals.bound_min
        ) as limit_low,
        least(
            limits.mean + 2.66 * limits.mean_moving_range, finals.bound_max
        ) as limit_high,
        limits.mean_moving_range / 1.128 as sigma,
        sign(finals.value - limits.mean) as side
    from finals
    left join limits
        on finals.kpi_code = limits.kpi_code
        and finals.segment_code = limits.segment_code
        and finals.epoch = limits.epoch
),

sided as (
    select
        *,
        case
            when value > (mean + limit_high) / 2 then 1
            when value < (mean + limit_low) / 2 then -1
            else 0
        end as outer_side,
        period_no - row_number() over (
            partition by kpi_code, segment_code, epoch, side
            order by period_start
        ) as run_id
    from measured
),

counted as (
    select
        *,
        row_number() over (
            partition by kpi_code, segment_code, epoch, side, run_id
            order by period_start
        ) as run_length,
        sum(case when outer_side = 1 then 1 else 0 end) over last_four as outer_high,
        sum(case when outer_side = -1 then 1 else 0 end) over last_four as outer_low
    from sided
    window last_four as (
        partition by kpi_code, segment_code, epoch
        order by period_start
        rows between 3 preceding and current row
    )
),

signalled as (
    select
        *,
        coalesce(value > limit_high or value < limit_low, false) as is_x1,
        coalesce(side <> 0 and run_length >= signal_run, false) as is_x2,
        mean is not null and greatest(outer_high, outer_low) >= 3 as is_x3
    from counted
)

select
    kpi_code,
    segment_code,
    epoch,
    period_start,
    period_no,
    limit_periods,
    is_locked,
    mean,
    mean_moving_range,
    moving_ranges,
    sigma,
    limit_low,
    limit_high,
    is_x1,
    is_x2,
    is_x3,
    coalesce((is_x1 or is_x2) and side * goodness > 0, false) as is_favourable,
    coalesce((is_x1 or is_x2) and side * goodness < 0, false) as is_unfavourable
from signalled
