-- Grain: one row per role in force.
select
    owners.owner_code,
    owners.name_en,
    owners.name_zh,
    owners.org_unit_code,
    owners.language,
    owners.deputy_code
from {{ ref('stg_registers__owners') }} as owners
where {{ in_force('owners') }}
