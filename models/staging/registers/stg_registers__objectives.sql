-- Grain: one row per goal and version.
select
    objective_code,
    try_cast(valid_from as date) as valid_from,
    try_cast(valid_to as date) as valid_to,
    parent_code,
    level,
    name_en,
    name_zh,
    statement_en,
    statement_zh,
    org_unit_code,
    try_cast(weight as double) as weight,
    outcome_kpi_code,
    owner_code
from {{ ref('objectives') }}
