-- Grain: one row per role and version.
select
    owner_code,
    try_cast(valid_from as date) as valid_from,
    try_cast(valid_to as date) as valid_to,
    name_en,
    name_zh,
    org_unit_code,
    language,
    deputy_code
from {{ ref('owners') }}
