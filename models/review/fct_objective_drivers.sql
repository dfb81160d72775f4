-- Grain: one row per goal, month and driver of its score.
{% set levels = ['process', 'department', 'strategy'] %}

with {% for level in levels %}{{ level }}_goals as (
    select *
    from {{ ref('int_objective_months') }}
    where level = '{{ level }}'
),

{{ level }}_drivers as (
    -- KPIs of the goal but for its own outcome, and the goals below it.
    select
        goals.objective_code,
        goals.month_start,
        'kpi' as driver_kind,
        kpis.kpi_code as driver_code,
        kpis.weight,
        kpis.attainment,
        kpis.status as driver_status,
        kpis.period_start
    from {{ level }}_goals as goals
    inner join {{ ref('int_objective_kpis') }} as kpis
        on goals.objective_code = kpis.objective_code
        and goals.month_start = kpis.month_start
        and kpis.kpi_code is distinct from goals.outcome_kpi_code
    {% if not loop.first %}
    union all
    select
        parent_code as objective_code,
        month_start,
        'objective' as driver_kind,
        objective_code as driver_code,
        weight,
        -- What a goal is about counts, else what drives it.
        coalesce(outcome_attainment, driver_score) as attainment,
        status as driver_status,
        month_start as period_start
    from {{ loop.previtem }}_scores
    {% endif %}
),

{{ level }}_shares as (
    {{ driver_shares(level ~ '_drivers') }}
),

{{ level }}_scores as (
    {{ objective_scores(level ~ '_goals', level ~ '_shares') }}
){{ ',' if not loop.last }}

{% endfor %}

{% for level in levels %}
select
    objective_code,
    month_start,
    driver_kind,
    driver_code,
    weight,
    share,
    attainment,
    driver_status,
    period_start
from {{ level }}_shares
{{ 'union all' if not loop.last }}
{% endfor %}
