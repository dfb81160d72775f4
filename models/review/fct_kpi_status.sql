-- Grain: one row per KPI, reviewed segment and official period.
with joined as (
    select
        series.*,
        intervals.interval_low,
        intervals.interval_high,
        intervals.bound_low,
        intervals.bound_high,
        signals.mean,
        signals.sigma,
        signals.limit_low,
        signals.limit_high,
        signals.is_locked as is_limit_locked,
        coalesce(signals.is_x1, false) as is_x1,
        coalesce(signals.is_x2, false) as is_x2,
        coalesce(signals.is_x3, false) as is_x3,
        signals.is_favourable,
        signals.is_unfavourable,
        targets.floor,
        targets.stretch,
        series.target_min is not null or series.target_max is not null as has_target,
        -- What cannot be settled yet is given the benefit of the doubt.
        case
            when series.is_final or series.goodness is null then series.value
            when series.goodness = 1 then series.highest_value
            else series.lowest_value
        end as judged_value
    from {{ ref('int_review_series') }} as series
    left join {{ ref('int_kpi_intervals') }} as intervals
        on series.kpi_code = intervals.kpi_code
        and series.segment_code = intervals.segment_code
        and series.period_start = intervals.period_start
    left join {{ ref('int_kpi_signals') }} as signals
        on series.kpi_code = signals.kpi_code
        and series.segment_code = signals.segment_code
        and series.period_start = signals.period_start
    left join {{ ref('dim_kpi_targets') }} as targets
        on series.kpi_code = targets.kpi_code
        and series.segment_code = targets.segment_code
        and series.period_start >= targets.valid_from
        and (targets.valid_to is null or series.period_start < targets.valid_to)
),

judged as (
    select
        *,
        case
            when not has_target then 'no_target'
            when state_reason = 'never_delivered' then 'no_data'
            when state = 'held' then 'held'
            when judged_value is null then 'not_measurable'
            when n < n_min then 'insufficient_n'
            when judged_value < alarm_min or judged_value > alarm_max then 'alarm'
            when judged_value < target_min or judged_value > target_max then 'warning'
            else 'on_target'
        end as status,
        -- Only a rate has a distribution that needs no assumption.
        coalesce(bound_low, value) as least_likely,
        coalesce(bound_high, value) as most_likely
    from joined
),

evident as (
    select
        *,
        case
            when status <> 'alarm' then null
            when most_likely < alarm_min or least_likely > alarm_max then 'confirmed'
            else 'possible'
        end as alarm_evidence,
        case
            when status in ('no_target', 'no_data', 'not_measurable') then null
            when status = 'held'
                then case when state_reason = 'late' then 'stale' else 'held' end
            when status = 'insufficient_n' then 'insufficient'
            when
                (target_min is null or least_likely >= target_min)
                and (target_max is null or most_likely <= target_max)
                then 'met'
            -- A provisional value may still reach its target.
            when status = 'on_target' then 'not_distinguishable'
            when most_likely < target_min or least_likely > target_max then 'missed'
            else 'not_distinguishable'
        end as evidence,
        case
            when goodness is null or limit_low is null then null
            when goodness = 1 and target_min < limit_low then 'pass'
            when goodness = -1 and target_max > limit_high then 'pass'
            when goodness = 1 and target_min > limit_high then 'fail'
            when goodness = -1 and target_max < limit_low then 'fail'
            when has_target then 'mixed'
        end as assurance,
        case
            when limit_low is null then null
            when is_unfavourable then 'concerning'
            when is_favourable then 'improving'
            else 'common'
        end as variation,
        -- Attainment is 0 at the worst, 1 at the goal and 1.2 at the stretch.
        case
            when goodness = 1 or judged_value < target_min then target_min
            else target_max
        end as goal,
        case
            when goodness is not null then floor
            when judged_value < target_min then alarm_min
            else alarm_max
        end as worst
    from judged
)

select
    kpi_code,
    segment_code,
    process_code,
    period_grain,
    period_start,
    period_end,
    value,
    numerator,
    denominator,
    n,
    n_min,
    open_count,
    undecided_count,
    excluded_count,
    judged_value,
    interval_low,
    interval_high,
    bound_low,
    bound_high,
    state,
    state_reason,
    is_final,
    status,
    alarm_evidence,
    evidence,
    round(
        case
            when status not in ('on_target', 'warning', 'alarm') then null
            when status = 'on_target' and goodness is null then 1
            when status = 'on_target'
                then least(
                    1 + coalesce(
                        0.2 * (judged_value - goal) / nullif(stretch - goal, 0), 0
                    ),
                    1.2
                )
            -- A range counts down to 0 at its alarm limit, a side to 0 at its floor.
            else greatest(
                coalesce((judged_value - worst) / nullif(goal - worst, 0), 0), 0
            )
        end,
        6
    ) as attainment,
    target_min,
    target_max,
    alarm_min,
    alarm_max,
    floor,
    stretch,
    mean,
    sigma,
    limit_low,
    limit_high,
    is_limit_locked,
    is_x1,
    is_x2,
    is_x3,
    variation,
    assurance,
    data_as_of,
    is_stale,
    reliability_grade
from evident
