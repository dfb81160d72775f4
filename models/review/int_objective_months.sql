-- Grain: one row per goal and month in which it was in force and KPIs were judged.
{% set figures = [
    'rollup_cap',
    'goal_coverage',
    'goal_on_track',
    'goal_at_risk',
    'goal_child_share',
] %}

with months as (
    select distinct month_start
    from {{ ref('int_objective_kpis') }}
),

figures as (
    select
        {% for figure in figures %}
        max(case when name = '{{ figure }}' then try_cast(value as double) end)
            as {{ figure }},
        {% endfor %}
        max(case when name = 'missing_policy' then value end) as missing_policy
    from {{ ref('stg_registers__defaults') }}
    where scope_code = 'all'
)

select
    objectives.objective_code,
    months.month_start,
    objectives.level,
    objectives.parent_code,
    objectives.weight,
    objectives.outcome_kpi_code,
    outcomes.attainment as outcome_attainment,
    outcomes.status as outcome_status,
    figures.rollup_cap,
    figures.goal_coverage,
    figures.goal_on_track,
    figures.goal_at_risk,
    figures.goal_child_share,
    figures.missing_policy
from months
inner join {{ ref('stg_registers__objectives') }} as objectives
    on months.month_start >= objectives.valid_from
    and (objectives.valid_to is null or months.month_start < objectives.valid_to)
left join {{ ref('int_objective_kpis') }} as outcomes
    on months.month_start = outcomes.month_start
    and objectives.outcome_kpi_code = outcomes.kpi_code
cross join figures
