-- Grain: one row per process.
select
    process_code,
    name_en,
    name_zh,
    purpose_en,
    purpose_zh,
    start_activity_code,
    end_activity_code,
    objective_code,
    owner_code,
    calendar_code,
    timezone
from {{ ref('stg_registers__processes') }}
