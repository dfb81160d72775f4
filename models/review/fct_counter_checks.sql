-- Grain: one row per declared pair of KPI and counter metric in force.
with pairs as (
    select
        pairs.*,
        trends.weeks,
        trends.first_week,
        trends.last_week,
        trends.kpi_tau,
        trends.kpi_p_value,
        trends.kpi_change,
        trends.kpi_sigma,
        trends.kpi_median,
        trends.counter_tau,
        trends.counter_p_value,
        trends.counter_change,
        trends.counter_sigma,
        trends.counter_median,
        trends.rho,
        trends.p_value,
        trends.q_value,
        figures.conflict_rho,
        figures.conflict_change,
        figures.conflict_weeks_max,
        max(figures.conflict_q) over () as conflict_q
    from {{ ref('stg_registers__kpi_counters') }} as pairs
    inner join {{ ref('int_kpi_defaults') }} as figures
        on pairs.kpi_code = figures.kpi_code
    left join {{ ref('int_counter_trends') }} as trends
        on pairs.kpi_code = trends.kpi_code
        and pairs.counter_kpi_code = trends.counter_kpi_code
    where
        pairs.valid_from <= {{ as_of_date() }}
        and (pairs.valid_to is null or pairs.valid_to > {{ as_of_date() }})
),

judged as (
    select
        *,
        case
            when p_value is null then 'insufficient'
            when
                q_value > conflict_q
                or abs(kpi_change)
                < greatest(kpi_sigma, conflict_change * abs(kpi_median))
                or abs(counter_change)
                < greatest(
                    counter_sigma,
                    coalesce(material_change, conflict_change * abs(counter_median))
                )
                then 'none'
            when rho <= conflict_rho then 'trade_off'
            else 'co_occurring'
        end as verdict
    from pairs
),

traded as (
    select
        kpi_code,
        counter_kpi_code,
        max(verify_on) as verify_on,
        max_by(intervention_code, verify_on) as intervention_code
    from {{ ref('fct_improvement_checks') }}
    where verdict = 'traded_off'
    group by kpi_code, counter_kpi_code
)

select
    judged.kpi_code,
    judged.counter_kpi_code,
    judged.verdict,
    -- What an intervention cost counts as long as the weeks that a search looks back.
    traded.intervention_code as traded_off_by,
    judged.verdict in ('trade_off', 'co_occurring')
    or traded.intervention_code is not null as is_conflict,
    judged.weeks,
    judged.first_week,
    judged.last_week,
    judged.kpi_tau,
    judged.kpi_p_value,
    judged.kpi_change,
    judged.kpi_sigma,
    judged.counter_tau,
    judged.counter_p_value,
    judged.counter_change,
    judged.counter_sigma,
    judged.rho,
    judged.p_value,
    judged.q_value
from judged
left join traded
    on judged.kpi_code = traded.kpi_code
    and judged.counter_kpi_code = traded.counter_kpi_code
    and date_diff('day', traded.verify_on, {{ as_of_date() }})
    <= 7 * judged.conflict_weeks_max
