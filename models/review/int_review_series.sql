-- Grain: one row per KPI, reviewed segment and official period.
with kpis as (
    select
        *,
        split_part(version, '.', 1) as major
    from {{ ref('dim_kpis') }}
),

fresh_starts as (
    -- From these days on, earlier values say nothing of what is normal.
    select
        subject_id as kpi_code,
        decided_on as starts_on
    from {{ ref('stg_registers__decisions') }}
    where
        subject_kind = 'kpi'
        and action = 'rebase'
        and decided_on <= {{ as_of_date() }}
    union
    select
        kpi_code,
        min(valid_from) as starts_on
    from {{ ref('stg_registers__kpis') }}
    group by kpi_code, split_part(version, '.', 1)
),

reviewed_segments as (
    select
        kpi_code,
        'all' as segment_code
    from kpis
    union
    select
        kpi_code,
        segment_code
    from {{ ref('dim_kpi_targets') }}
),

series as (
    select
        reported.*,
        kpis.process_code,
        kpis.measure_type,
        kpis.direction,
        case kpis.direction when 'higher' then 1 when 'lower' then -1 end as goodness,
        kpis.scale,
        kpis.bound_min,
        kpis.bound_max,
        -- A row may count many: the invitations of a meeting, the people of a team.
        case
            when kpis.measure_type in ('rate', 'score')
                then coalesce(reported.denominator, 0)
            else reported.counted_count
        end as n,
        (
            select count(*)
            from fresh_starts
            where
                fresh_starts.kpi_code = reported.kpi_code
                and fresh_starts.starts_on <= reported.period_start
        ) as epoch,
        case
            when kpis.measure_type = 'rate' then figures.n_min_rate
            when kpis.measure_type in ('count', 'amount') then 1
            else figures.n_min_other
        end as n_min,
        -- What a rate comes to if all that is undecided turns out well, or badly.
        case
            when kpis.measure_type = 'rate'
                then
                    kpis.scale
                    * (coalesce(reported.numerator, 0) + reported.undecided_count)
                    / nullif(
                        coalesce(reported.denominator, 0) + reported.undecided_count, 0
                    )
            else reported.value
        end as highest_value,
        case
            when kpis.measure_type = 'rate'
                then
                    kpis.scale
                    * coalesce(reported.numerator, 0)
                    / nullif(
                        coalesce(reported.denominator, 0) + reported.undecided_count, 0
                    )
            else reported.value
        end as lowest_value
    from {{ ref('fct_kpi_values') }} as reported
    inner join kpis
        on reported.kpi_code = kpis.kpi_code
        and reported.period_grain = kpis.period
    inner join reviewed_segments
        on reported.kpi_code = reviewed_segments.kpi_code
        and reported.segment_code = reviewed_segments.segment_code
    inner join {{ ref('int_kpi_defaults') }} as figures
        on reported.kpi_code = figures.kpi_code
    where reported.state <> 'not_in_force'
)

select
    series.kpi_code,
    series.segment_code,
    series.process_code,
    series.period_grain,
    series.period_start,
    series.period_end,
    series.measure_type,
    series.direction,
    series.goodness,
    series.scale,
    series.bound_min,
    series.bound_max,
    series.value,
    series.numerator,
    series.denominator,
    series.n,
    cast(series.n_min as bigint) as n_min,
    series.open_count,
    series.undecided_count,
    series.excluded_count,
    series.highest_value,
    series.lowest_value,
    series.state,
    series.state_reason,
    series.data_as_of,
    series.is_stale,
    series.reliability_grade,
    series.target_min,
    series.target_max,
    series.alarm_min,
    series.alarm_max,
    series.epoch,
    coalesce(series.state = 'final' and series.value is not null, false) as is_final
from series
