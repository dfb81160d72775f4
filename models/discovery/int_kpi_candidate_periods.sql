-- Grain: one row per candidate and closed period of the grain that suits it.
with candidates as (
    select
        found.*,
        figures.candidate_n,
        figures.candidate_periods,
        figures.candidate_periods_min
    from {{ ref('int_kpi_candidates_found') }} as found
    inner join {{ ref('int_discovery_defaults') }} as figures
        on found.process_code = figures.process_code
    where found.refusal_reason is null
),

calendar as (
    select
        *,
        max(measured_on) over (partition by process_code) as last_on
    from {{ ref('int_kpi_candidate_calendar') }}
),

measured as (
    select
        candidates.candidate_id,
        candidates.measure_type,
        candidates.statistic,
        calendar.period_grain,
        calendar.grain_no,
        calendar.period_start,
        calendar.period_end,
        cast(coalesce(sum(counted.numerator), 0) as bigint) as numerator,
        cast(coalesce(sum(counted.denominator), 0) as bigint)
        -- A count is of one period, also where there was nothing to count.
        + case when candidates.template_code = 'T22' then 1 else 0 end as denominator,
        cast(coalesce(sum(counted.n), 0) as bigint) as n,
        max(candidates.candidate_n) as candidate_n,
        max(candidates.candidate_periods) as candidate_periods,
        max(candidates.candidate_periods_min) as candidate_periods_min
    from candidates
    inner join calendar
        on candidates.process_code = calendar.process_code
    left join {{ ref('int_kpi_candidate_days') }} as counted
        on candidates.candidate_id = counted.candidate_id
        and calendar.measured_on = counted.measured_on
        -- A stock is what is there in the end, not the sum of all days.
        and (
            candidates.measure <> 'snapshot'
            or {{ add_days('calendar.measured_on', 1) }} = calendar.period_end
        )
    where
        candidates.window_days is null
        or {{ add_days('calendar.period_end', 'candidates.window_days') }}
        <= {{ add_days('calendar.last_on', 1) }}
    group by
        candidates.candidate_id,
        candidates.template_code,
        candidates.measure_type,
        candidates.statistic,
        calendar.period_grain,
        calendar.grain_no,
        calendar.period_start,
        calendar.period_end
),

grains as (
    select
        candidate_id,
        period_grain,
        grain_no,
        count(*) as periods,
        median(n) as median_n,
        count(*) >= max(candidate_periods) and median(n) >= max(candidate_n)
            as is_full
    from measured
    group by candidate_id, period_grain, grain_no
    having count(*) >= max(candidate_periods_min)
),

chosen as (
    select
        *,
        row_number() over (
            partition by candidate_id
            -- The finest that has enough of everything, else the coarsest there is.
            order by
                case when is_full then 0 else 1 end,
                case when is_full then grain_no else -grain_no end
        ) as choice
    from grains
),

slowest as (
    select
        cases.candidate_id,
        calendar.period_grain,
        calendar.period_start,
        cast(round(quantile_cont(cases.numerator, 0.9)) as bigint) as p90
    from {{ ref('int_kpi_candidate_cases') }} as cases
    inner join candidates
        on cases.candidate_id = candidates.candidate_id
        and candidates.statistic = 'p90'
    inner join calendar
        on candidates.process_code = calendar.process_code
        and cases.measured_on = calendar.measured_on
    group by cases.candidate_id, calendar.period_grain, calendar.period_start
)

select
    measured.candidate_id,
    measured.period_grain,
    measured.period_start,
    measured.period_end,
    case measured.statistic
        when 'p90' then coalesce(slowest.p90, 0)
        else measured.numerator
    end as numerator,
    case
        when measured.statistic = 'p90' then cast(slowest.p90 is not null as bigint)
        else measured.denominator
    end as denominator,
    measured.n,
    chosen.median_n
from measured
inner join chosen
    on measured.candidate_id = chosen.candidate_id
    and measured.period_grain = chosen.period_grain
    and chosen.choice = 1
left join slowest
    on measured.candidate_id = slowest.candidate_id
    and measured.period_grain = slowest.period_grain
    and measured.period_start = slowest.period_start
