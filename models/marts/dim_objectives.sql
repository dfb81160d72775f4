-- Grain: one row per goal in force.
select
    objectives.objective_code,
    objectives.parent_code,
    objectives.level,
    objectives.name_en,
    objectives.name_zh,
    objectives.statement_en,
    objectives.statement_zh,
    objectives.weight,
    objectives.outcome_kpi_code,
    objectives.owner_code
from {{ ref('stg_registers__objectives') }} as objectives
where {{ in_force('objectives') }}
