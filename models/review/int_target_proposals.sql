-- Grain: one row per KPI and reviewed segment with a final period.
with drawn as (
    select
        kpi_code,
        segment_code,
        goodness,
        periods,
        level,
        list_filter(
            [
                line_best_tenth,
                -- Noise so wide that its limit is not possible proposes nothing.
                case when is_limit_possible then line_limit end,
                line_trend,
                line_ideal,
                line_best_cases,
                line_benchmark
            ],
            lambda line: line is not null
        ) as lines
    from {{ ref('int_target_lines') }}
    where valid_from is null
),

picked as (
    -- The most ambitious line may be a freak; the second has company.
    select
        *,
        goodness
        * list_reverse_sort(list_transform(lines, lambda line: goodness * line))[2]
            as second_line
    from drawn
),

scaled as (
    select
        *,
        case
            when second_line = 0 then 0
            else floor(log10(abs(second_line)))
        end as magnitude,
        sign(level - second_line) as towards_level
    from picked
),

rounded as (
    -- Two digits; more where rounding would reach the level that is there already.
    select
        *,
        list_filter(
            list_transform(
                [2, 3, 4, 5, 6],
                lambda digits: round(
                    towards_level
                    * ceil(
                        round(
                            towards_level
                            * second_line
                            * pow(10, digits - 1 - magnitude),
                            6
                        )
                    )
                    / pow(10, digits - 1 - magnitude),
                    9
                )
            ),
            lambda proposal: goodness * proposal > goodness * level
        )[1] as proposed_value
    from scaled
)

select
    kpi_code,
    segment_code,
    goodness,
    periods,
    level,
    cast(len(lines) as bigint) as lines,
    second_line,
    case
        when
            periods >= 6
            and len(lines) >= 2
            and goodness * second_line > goodness * level
            then proposed_value
    end as proposed_value
from rounded
