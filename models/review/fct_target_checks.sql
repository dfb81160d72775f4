-- Grain: one row per KPI, segment and start of validity, planned targets included.
with joined as (
    select
        targets.kpi_code,
        targets.segment_code,
        targets.valid_from,
        targets.phase,
        targets.approver_code,
        targets.intervention_code,
        kpis.unit,
        kpis.bound_min,
        kpis.bound_max,
        case kpis.direction
            when 'higher' then targets.target_min
            when 'lower' then targets.target_max
        end as target,
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
        lines.best_tenth_of_cases,
        proposals.proposed_value
    from {{ ref('dim_kpi_targets') }} as targets
    inner join {{ ref('dim_kpis') }} as kpis
        on targets.kpi_code = kpis.kpi_code
    left join {{ ref('int_target_lines') }} as lines
        on targets.kpi_code = lines.kpi_code
        and targets.segment_code = lines.segment_code
        and targets.valid_from = lines.valid_from
    left join {{ ref('int_target_proposals') }} as proposals
        on targets.kpi_code = proposals.kpi_code
        and targets.segment_code = proposals.segment_code
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
        len(drawn) as lines,
        len(
            list_filter(drawn, lambda line: goodness * target <= goodness * line)
        ) as votes,
        -- Greatest ignores what is not known.
        goodness * greatest(
            list_max(list_transform(drawn, lambda line: goodness * line)),
            goodness * best_period,
            goodness * best_tenth_of_cases
        ) as best_reach
    from drawn_lines
),

judged as (
    select
        *,
        case
            when target < bound_min or target > bound_max then 'invalid'
            when target is null or periods < 6 or lines < 2 then 'insufficient'
            when goodness * target <= goodness * level then 'too_easy'
            when votes >= 2 then 'realistic'
            when goodness * target <= goodness * best_reach then 'stretch'
            else 'unachievable'
        end as verdict
    from counted
)

select
    kpi_code,
    segment_code,
    valid_from,
    phase,
    target,
    unit,
    verdict,
    coalesce(verdict = 'stretch' and votes = 0, false) as is_high_risk,
    cast(votes as bigint) as votes,
    cast(lines as bigint) as lines,
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
    best_reach,
    proposed_value,
    approver_code,
    intervention_code
from judged
