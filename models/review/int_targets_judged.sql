-- Grain: one row per target of the register, and per target proposed for a candidate.
with targets as (
    select
        targets.kpi_code,
        targets.segment_code,
        targets.valid_from,
        kpis.bound_min,
        kpis.bound_max,
        case kpis.direction
            when 'higher' then targets.target_min
            when 'lower' then targets.target_max
        end as target
    from {{ ref('dim_kpi_targets') }} as targets
    inner join {{ ref('dim_kpis') }} as kpis
        on targets.kpi_code = kpis.kpi_code
    union all
    select
        proposals.kpi_code,
        proposals.segment_code,
        cast(null as date) as valid_from,
        candidates.bound_min,
        candidates.bound_max,
        proposals.proposed_value as target
    from {{ ref('int_target_proposals') }} as proposals
    inner join {{ ref('int_kpi_candidates_judged') }} as candidates
        on proposals.kpi_code = candidates.candidate_id
),

joined as (
    select
        targets.kpi_code,
        targets.segment_code,
        targets.valid_from,
        targets.bound_min,
        targets.bound_max,
        targets.target,
        coalesce(lines.periods, 0) as periods,
        lines.months_left,
        lines.goodness,
        lines.level,
        lines.line_best_tenth,
        lines.line_limit,
        lines.line_trend,
        lines.line_ideal,
        lines.line_best_cases,
        lines.line_benchmark,
        lines.best_period,
        lines.best_tenth_of_cases
    from targets
    left join {{ ref('int_target_lines') }} as lines
        on targets.kpi_code = lines.kpi_code
        and targets.segment_code = lines.segment_code
        and targets.valid_from is not distinct from lines.valid_from
),

drawn_lines as (
    select
        *,
        list_filter(
            [
                line_best_tenth,
                line_limit,
                line_trend,
                line_ideal,
                line_best_cases,
                line_benchmark
            ],
            lambda line: line is not null
        ) as drawn
    from joined
),

counted as (
    select
        *,
        cast(len(drawn) as bigint) as lines,
        cast(
            len(
                list_filter(drawn, lambda line: goodness * target <= goodness * line)
            ) as bigint
        ) as votes,
        -- Greatest ignores what is not known.
        goodness * greatest(
            list_max(list_transform(drawn, lambda line: goodness * line)),
            goodness * best_period,
            goodness * best_tenth_of_cases
        ) as best_reach
    from drawn_lines
)

select
    kpi_code,
    segment_code,
    valid_from,
    target,
    case
        when target < bound_min or target > bound_max then 'invalid'
        when target is null or periods < 6 or lines < 2 then 'insufficient'
        when goodness * target <= goodness * level then 'too_easy'
        when votes >= 2 then 'realistic'
        when goodness * target <= goodness * best_reach then 'stretch'
        else 'unachievable'
    end as verdict,
    votes,
    lines,
    cast(periods as bigint) as periods,
    months_left,
    level,
    line_best_tenth,
    line_limit,
    line_trend,
    line_ideal,
    line_best_cases,
    line_benchmark,
    best_period,
    best_tenth_of_cases,
    best_reach
from counted
