-- Grain: one row per intervention.
select
    intervention_code,
    name_en,
    name_zh,
    process_code,
    kpi_code,
    segment_code,
    try_cast(registered_on as date) as registered_on,
    try_cast(starts_on as date) as starts_on,
    try_cast(verify_on as date) as verify_on,
    try_cast(washout_days as integer) as washout_days,
    try_cast(min_effect as double) as min_effect,
    status,
    owner_code
from {{ ref('interventions') }}
