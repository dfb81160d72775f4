-- Grain: one row per KPI, period grain, period and segment, empty periods included.
with registrations as (
    select
        kpi_code,
        min(valid_from) as registered_from
    from {{ ref('stg_registers__kpis') }}
    group by kpi_code
),

kpis as (
    select
        kpis.kpi_code,
        kpis.scale,
        kpis.assign_by,
        registrations.registered_from,
        coalesce(kpis.publish_lag_days, 0)
        + greatest(coalesce(kpis.window_days, 0), coalesce(kpis.restates_days, 0))
            as settling_days,
        freshness.data_as_of,
        freshness.is_stale,
        freshness.stale_reason,
        freshness.reliability_grade
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on kpis.kpi_code = freshness.kpi_code
    inner join registrations
        on kpis.kpi_code = registrations.kpi_code
),

parts as (
    select
        kpi_code,
        period_grain,
        period_start,
        segment_code,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator,
        sum(case when state = 'counted' then subject_count end) as counted_count,
        sum(case when state = 'open' then subject_count end) as open_count,
        sum(case when state = 'undecided' then subject_count end) as undecided_count,
        sum(case when state = 'excluded' then subject_count end) as excluded_count
    from {{ ref('int_kpi_daily_by_period') }}
    group by kpi_code, period_grain, period_start, segment_code
),

joined as (
    select
        periods.kpi_code,
        periods.period_grain,
        periods.period_start,
        periods.period_end,
        periods.segment_code,
        kpis.scale,
        kpis.assign_by,
        kpis.registered_from,
        kpis.settling_days,
        parts.numerator,
        parts.denominator,
        cast(coalesce(parts.counted_count, 0) as bigint) as counted_count,
        cast(coalesce(parts.open_count, 0) as bigint) as open_count,
        cast(coalesce(parts.undecided_count, 0) as bigint) as undecided_count,
        cast(coalesce(parts.excluded_count, 0) as bigint) as excluded_count,
        kpis.data_as_of,
        -- First local day that the data does not cover in full.
        {{ local_date('kpis.data_as_of') }} as uncovered_from,
        kpis.is_stale,
        kpis.stale_reason,
        kpis.reliability_grade
    from {{ ref('int_kpi_periods') }} as periods
    inner join kpis
        on periods.kpi_code = kpis.kpi_code
    left join parts
        on periods.kpi_code = parts.kpi_code
        and periods.period_grain = parts.period_grain
        and periods.period_start = parts.period_start
        and periods.segment_code = parts.segment_code
),

reasoned as (
    select
        *,
        case
            when data_as_of is null then 'not_measurable'
            -- Warm-up data, mostly of part of a period: shown, never judged.
            when period_start < registered_from then 'not_in_force'
            when is_stale and period_end > uncovered_from then 'held'
            when coalesce(denominator, 0) = 0 then 'not_measurable'
            when period_end > uncovered_from then 'provisional'
            when {{ add_days('period_end', 'settling_days') }} > uncovered_from
                then 'provisional'
            -- A cohort waits for its last subject; elsewhere one lost order in twenty
            -- must not keep a month open for ever.
            when assign_by = 'start' and undecided_count > 0 then 'provisional'
            when 20 * undecided_count > counted_count + undecided_count
                then 'provisional'
            else 'final'
        end as state
    from joined
)

select
    reasoned.kpi_code,
    reasoned.period_grain,
    reasoned.period_start,
    reasoned.period_end,
    reasoned.segment_code,
    -- Rounded so that 30 minutes are 30, not 30.000000000000004.
    round(
        reasoned.scale * cast(reasoned.numerator as double)
        / nullif(cast(reasoned.denominator as double), 0),
        9
    ) as value,
    reasoned.numerator,
    reasoned.denominator,
    reasoned.counted_count,
    reasoned.open_count,
    reasoned.undecided_count,
    reasoned.excluded_count,
    reasoned.state,
    case
        when reasoned.data_as_of is null then 'never_delivered'
        when reasoned.state = 'not_in_force' then 'not_registered_yet'
        when reasoned.state = 'held' then reasoned.stale_reason
        when reasoned.state = 'not_measurable' and reasoned.counted_count > 0
            then 'zero_denominator'
        when reasoned.state = 'not_measurable' and reasoned.undecided_count > 0
            then 'not_decided_yet'
        when reasoned.state = 'not_measurable' and reasoned.open_count > 0
            then 'all_open'
        when reasoned.state = 'not_measurable' and reasoned.excluded_count > 0
            then 'all_excluded'
        when reasoned.state = 'not_measurable' then 'no_subjects'
        when
            reasoned.state = 'provisional'
            and reasoned.period_end > reasoned.uncovered_from
            then 'period_running'
        when
            reasoned.state = 'provisional'
            and {{ add_days('reasoned.period_end', 'reasoned.settling_days') }}
            > reasoned.uncovered_from
            then 'settling'
        when reasoned.state = 'provisional' then 'undecided_subjects'
    end as state_reason,
    reasoned.data_as_of,
    reasoned.is_stale,
    reasoned.reliability_grade,
    targets.target_min,
    targets.target_max,
    targets.alarm_min,
    targets.alarm_max
from reasoned
left join {{ ref('dim_kpi_targets') }} as targets
    on reasoned.kpi_code = targets.kpi_code
    and reasoned.segment_code = targets.segment_code
    -- The target in force on the first day judges the whole period.
    and reasoned.period_start >= targets.valid_from
    and (targets.valid_to is null or reasoned.period_start < targets.valid_to)
