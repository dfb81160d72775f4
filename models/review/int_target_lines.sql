-- Grain: one row per target that is judged, and one per KPI and segment for proposals.
with horizons as (
    select
        targets.kpi_code,
        targets.segment_code,
        targets.valid_from,
        -- A month is a twelfth of a year, so that a due date needs no calendar.
        coalesce(
            case
                when targets.due_on is not null
                    then
                        greatest(
                            round(
                                date_diff('day', {{ as_of_date() }}, targets.due_on)
                                * 12
                                / 365.25,
                                2
                            ),
                            0
                        )
            end,
            levels.proposal_months
        ) as months_left
    from {{ ref('dim_kpi_targets') }} as targets
    inner join {{ ref('int_review_levels') }} as levels
        on targets.kpi_code = levels.kpi_code
        and targets.segment_code = levels.segment_code
    union all
    select
        kpi_code,
        segment_code,
        cast(null as date) as valid_from,
        proposal_months as months_left
    from {{ ref('int_review_levels') }}
)

select
    horizons.kpi_code,
    horizons.segment_code,
    horizons.valid_from,
    horizons.months_left,
    levels.goodness,
    levels.periods,
    levels.level,
    levels.best_tenth_of_periods as line_best_tenth,
    levels.good_limit as line_limit,
    levels.is_limit_possible,
    case
        when levels.is_improving
            then
                round(
                    least(
                        greatest(
                            levels.level
                            + levels.slope_per_month * horizons.months_left,
                            levels.bound_min
                        ),
                        levels.bound_max
                    ),
                    9
                )
    end as line_trend,
    round(
        levels.ideal
        + (levels.level - levels.ideal)
        * pow(2, -horizons.months_left / levels.half_life_months),
        9
    ) as line_ideal,
    levels.best_quarter_of_cases as line_best_cases,
    levels.benchmark as line_benchmark,
    levels.best_period,
    levels.best_tenth_of_cases
from horizons
inner join {{ ref('int_review_levels') }} as levels
    on horizons.kpi_code = levels.kpi_code
    and horizons.segment_code = levels.segment_code
