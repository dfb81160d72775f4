-- Grain: one row per KPI, counter-metric and version.
select
    kpi_code,
    try_cast(valid_from as date) as valid_from,
    try_cast(valid_to as date) as valid_to,
    counter_kpi_code,
    try_cast(material_change as double) as material_change,
    try_cast(harm_margin as double) as harm_margin,
    reason
from {{ ref('kpi_counters') }}
