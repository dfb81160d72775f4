-- Grain: one row per KPI and source.
select
    kpi_code,
    source,
    try_cast(value as double) as value,
    unit,
    statistic,
    clock,
    population_en,
    population_zh,
    try_cast(year as integer) as figure_year,
    url,
    definition_match
from {{ ref('kpi_benchmarks') }}
