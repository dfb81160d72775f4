-- Grain: one row per two candidates of a process that are measured in the same periods.
with series as (
    select
        scores.process_code,
        periods.candidate_id,
        periods.period_grain,
        periods.period_start,
        case templates.direction when 'lower' then -1.0 else 1.0 end
        * periods.numerator
        / periods.denominator as goodness
    from {{ ref('int_kpi_candidate_periods') }} as periods
    inner join {{ ref('int_kpi_candidate_scores') }} as scores
        on periods.candidate_id = scores.candidate_id
    inner join {{ ref('stg_registers__kpi_templates') }} as templates
        on scores.template_code = templates.template_code
    where periods.denominator > 0
),

changes as (
    select
        one.process_code,
        one.candidate_id,
        other.candidate_id as other_candidate_id,
        one.period_grain,
        one.goodness - lag(one.goodness) over common as change,
        other.goodness - lag(other.goodness) over common as other_change
    from series as one
    inner join series as other
        on one.process_code = other.process_code
        and one.period_grain = other.period_grain
        and one.period_start = other.period_start
        and one.candidate_id < other.candidate_id
    window
        common as (
            partition by one.candidate_id, other.candidate_id
            order by one.period_start
        )
),

ranked as (
    -- Equal changes share the mean of their ranks.
    select
        process_code,
        candidate_id,
        other_candidate_id,
        period_grain,
        rank()
            over (
                partition by candidate_id, other_candidate_id order by change
            )
        + count(*) over (
            partition by candidate_id, other_candidate_id, change
        ) / 2.0 as change_rank,
        rank()
            over (
                partition by candidate_id, other_candidate_id order by other_change
            )
        + count(*) over (
            partition by candidate_id, other_candidate_id, other_change
        ) / 2.0 as other_rank
    from changes
    where change is not null
)

select
    process_code,
    candidate_id,
    other_candidate_id,
    period_grain,
    count(*) + 1 as periods,
    case
        when
            min(change_rank) < max(change_rank) and min(other_rank) < max(other_rank)
            then round(corr(change_rank, other_rank), 9)
    end as rho
from ranked
group by process_code, candidate_id, other_candidate_id, period_grain
