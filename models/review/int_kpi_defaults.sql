-- Grain: one row per KPI.
{% set figures = [
    'n_min_rate',
    'n_min_other',
    'signal_periods',
    'signal_locked_periods',
    'signal_run',
    'half_life_months',
    'raise_after',
    'level_periods',
    'level_history',
    'trend_p',
    'proposal_months',
    'raise_share',
    'raise_p_hit',
    'raise_min_step',
    'too_hard_after',
    'too_easy_after',
    'constant_periods',
    'unreliable_periods',
    'effect_periods',
    'conflict_weeks_min',
    'conflict_weeks_max',
    'conflict_change',
    'conflict_rho',
    'verify_before_min',
    'verify_before_max',
    'verify_after_min',
    'verify_mature',
    'verify_trend_p',
    'redundant_rho',
    'redundant_periods',
    'core_min',
    'core_max',
    'weight_behaviour',
    'weight_outcome',
    'weight_rating',
    'conflict_q',
    'alert_for_days',
    'alert_for_weeks',
    'alert_for_months',
    'alert_keep_without_band',
    'case_at_risk',
    'reminder_max',
    'escalate_after',
] %}

with ranked as (
    select
        kpis.kpi_code,
        figures.name,
        figures.value,
        row_number() over (
            partition by kpis.kpi_code, figures.name
            -- The narrowest scope wins; a scope has each figure once.
            order by
                case figures.scope_code
                    when kpis.kpi_code then 1
                    when kpis.process_code then 2
                    else 3
                end
        ) as scope_rank
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('stg_registers__defaults') }} as figures
        on figures.scope_code in ('all', kpis.process_code, kpis.kpi_code)
)

select
    kpi_code,
{% for figure in figures %}
max(case when name = '{{ figure }}' then try_cast(value as double) end)
    as {{ figure }}{{ ',' if not loop.last }}
{% endfor %}
from ranked
where scope_rank = 1
group by kpi_code
