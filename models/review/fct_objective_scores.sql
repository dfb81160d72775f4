-- Grain: one row per goal and month that was over.
with scores as (
    {{ objective_scores(ref('int_objective_months'), ref('fct_objective_drivers')) }}
)

select
    objective_code,
    month_start,
    level,
    parent_code,
    outcome_kpi_code,
    outcome_attainment,
    outcome_status,
    driver_score,
    coverage,
    drivers,
    status
from scores
