-- Grain: one row per intervention.
select
    intervention_code,
    name_en,
    name_zh,
    process_code,
    kpi_code,
    segment_code,
    registered_on,
    starts_on,
    verify_on,
    washout_days,
    min_effect,
    status,
    owner_code,
    coalesce(starts_on <= {{ as_of_date() }}, false) as is_started
from {{ ref('stg_registers__interventions') }}
