-- Grain: one row per intervention that was not stopped.
with reaches as (
    select
        kpi_code,
        -- A KPI without data has not reached any day.
        coalesce(
            {{ local_date('max(data_as_of)') }}, date '0001-01-01'
        ) as uncovered_from
    from {{ ref('fct_kpi_values') }}
    group by kpi_code
),

counters as (
    select
        interventions.intervention_code,
        pairs.counter_kpi_code,
        min(reaches.uncovered_from) over interventions_of as uncovered_from,
        effects.effect,
        effects.effect_low,
        effects.effect_high,
        coalesce(
            pairs.harm_margin,
            pairs.material_change,
            figures.conflict_change * abs(effects.value_before)
        ) as harm_margin,
        case kpis.direction
            when 'higher' then -effects.effect_high
            when 'lower' then effects.effect_low
        end as least_harm
    from {{ ref('stg_registers__interventions') }} as interventions
    inner join {{ ref('stg_registers__kpi_counters') }} as pairs
        on interventions.kpi_code = pairs.kpi_code
        and interventions.verify_on >= pairs.valid_from
        and (pairs.valid_to is null or interventions.verify_on < pairs.valid_to)
    inner join {{ ref('dim_kpis') }} as kpis
        on pairs.counter_kpi_code = kpis.kpi_code
    inner join {{ ref('int_kpi_defaults') }} as figures
        on pairs.counter_kpi_code = figures.kpi_code
    left join reaches
        on pairs.counter_kpi_code = reaches.kpi_code
    left join {{ ref('int_intervention_effects') }} as effects
        on interventions.intervention_code = effects.intervention_code
        and pairs.counter_kpi_code = effects.kpi_code
    window interventions_of as (partition by interventions.intervention_code)
),

worst as (
    -- The counter metric furthest beyond its margin, if one is.
    select
        *,
        row_number() over (
            partition by intervention_code
            order by least_harm - harm_margin desc nulls last, counter_kpi_code
        ) as harm_rank
    from counters
),

joined as (
    select
        interventions.*,
        case kpis.direction when 'lower' then -1 else 1 end as goodness,
        effects.weeks_before,
        effects.weeks_after,
        effects.value_before,
        effects.value_after,
        effects.effect,
        effects.effect_low,
        effects.effect_high,
        effects.p_before,
        worst.counter_kpi_code,
        worst.effect as counter_effect,
        worst.effect_low as counter_effect_low,
        worst.effect_high as counter_effect_high,
        worst.harm_margin,
        coalesce(worst.least_harm > worst.harm_margin, false) as is_counter_harmed,
        least(reaches.uncovered_from, worst.uncovered_from, {{ as_of_date() }})
            as uncovered_from,
        figures.verify_before_min,
        figures.verify_after_min,
        figures.verify_trend_p
    from {{ ref('stg_registers__interventions') }} as interventions
    inner join {{ ref('dim_kpis') }} as kpis
        on interventions.kpi_code = kpis.kpi_code
    inner join {{ ref('int_kpi_defaults') }} as figures
        on interventions.kpi_code = figures.kpi_code
    left join reaches
        on interventions.kpi_code = reaches.kpi_code
    left join {{ ref('int_intervention_effects') }} as effects
        on interventions.intervention_code = effects.intervention_code
        and interventions.kpi_code = effects.kpi_code
    left join worst
        on interventions.intervention_code = worst.intervention_code
        and worst.harm_rank = 1
    where interventions.status <> 'stopped'
),

judged as (
    select
        *,
        -- The end of the interval that is worse for the KPI, as goodness.
        least(goodness * effect_low, goodness * effect_high) as worst_gain,
        greatest(goodness * effect_low, goodness * effect_high) as best_gain
    from joined
)

select
    intervention_code,
    kpi_code,
    segment_code,
    process_code,
    starts_on,
    verify_on,
    case
        when status = 'planned' or verify_on >= uncovered_from then 'not_yet_due'
        when
            effect is null
            or weeks_before < verify_before_min
            or weeks_after < verify_after_min
            then 'insufficient'
        when best_gain < 0 then 'harmful'
        when worst_gain > 0 and goodness * effect >= min_effect
            then
                case
                    when is_counter_harmed then 'traded_off'
                    when p_before < verify_trend_p then 'inconclusive'
                    else 'verified'
                end
        when worst_gain >= -min_effect and best_gain <= min_effect then 'no_effect'
        else 'inconclusive'
    end as verdict,
    min_effect,
    weeks_before,
    weeks_after,
    value_before,
    value_after,
    effect,
    effect_low,
    effect_high,
    p_before,
    counter_kpi_code,
    counter_effect,
    counter_effect_low,
    counter_effect_high,
    harm_margin,
    owner_code
from judged
