-- Grain: one row per rule figure and scope.
select
    name,
    scope_code,
    value,
    type as value_type,
    allowed,
    try_cast(min as double) as minimum,
    try_cast(max as double) as maximum,
    description_en,
    description_zh
from {{ ref('defaults') }}
