-- Grain: one row per unit and version.
select
    org_unit_code,
    try_cast(valid_from as date) as valid_from,
    try_cast(valid_to as date) as valid_to,
    parent_code,
    name_en,
    name_zh,
    head_owner_code
from {{ ref('org_units') }}
