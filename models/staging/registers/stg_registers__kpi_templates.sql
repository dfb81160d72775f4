-- Grain: one row per template.
select
    template_code,
    name_en,
    name_zh,
    trigger_code,
    anchor,
    measure,
    measure_type,
    statistic,
    unit,
    case
        when scale like '%/%'
            then
                try_cast(split_part(scale, '/', 1) as double)
                / nullif(try_cast(split_part(scale, '/', 2) as double), 0)
        else try_cast(scale as double)
    end as scale,
    direction,
    kind,
    family,
    assign_by,
    try_cast(window_days as integer) as window_days,
    try_cast(bound_min as double) as bound_min,
    try_cast(bound_max as double) as bound_max,
    counters,
    refused_by,
    needs,
    derived_from
from {{ ref('kpi_templates') }}
