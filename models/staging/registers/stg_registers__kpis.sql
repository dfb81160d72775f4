-- Grain: one row per KPI and start of validity.
select
    kpi_code,
    try_cast(valid_from as date) as valid_from,
    try_cast(valid_to as date) as valid_to,
    version,
    name_en,
    name_zh,
    numerator_en,
    numerator_zh,
    denominator_en,
    denominator_zh,
    exclusions,
    subject,
    process_code,
    from_activity_code,
    to_activity_code,
    measure_type,
    family,
    kind,
    unit,
    case
        -- People write 1/60; the parts stay whole numbers.
        when scale like '%/%'
            then
                try_cast(split_part(scale, '/', 1) as double)
                / nullif(try_cast(split_part(scale, '/', 2) as double), 0)
        else try_cast(scale as double)
    end as scale,
    direction,
    try_cast(bound_min as double) as bound_min,
    try_cast(bound_max as double) as bound_max,
    try_cast(ideal as double) as ideal,
    try_cast(resolution as double) as resolution,
    period,
    assign_by,
    try_cast(window_days as integer) as window_days,
    try_cast(restates_days as integer) as restates_days,
    clock,
    try_cast(publish_lag_days as integer) as publish_lag_days,
    source_fields,
    try_cast(is_manual as boolean) as is_manual,
    data_owner_code,
    owner_code,
    objective_code,
    try_cast(weight as double) as weight,
    tier,
    status,
    decision,
    try_cast(next_review as date) as next_review_on,
    reason
from {{ ref('kpis') }}
