-- Grain: one row per KPI, as registered on the as-of day.
with ranked as (
    select
        *,
        valid_from <= {{ as_of_date() }}
        and (valid_to is null or valid_to > {{ as_of_date() }}) as is_in_force,
        row_number() over (
            partition by kpi_code
            -- The row in force, else the next one to come, else the last one gone. No
            -- two rows of a KPI start on one day.
            order by
                case
                    when
                        valid_from <= {{ as_of_date() }}
                        and (valid_to is null or valid_to > {{ as_of_date() }})
                        then 1
                    when valid_from > {{ as_of_date() }} then 2
                    else 3
                end,
                case when valid_from > {{ as_of_date() }} then valid_from end,
                valid_from desc
        ) as version_rank
    from {{ ref('stg_registers__kpis') }}
)

select
    kpi_code,
    version,
    valid_from,
    valid_to,
    is_in_force,
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
    scale,
    direction,
    bound_min,
    bound_max,
    ideal,
    resolution,
    period,
    assign_by,
    window_days,
    restates_days,
    clock,
    publish_lag_days,
    source_fields,
    is_manual,
    data_owner_code,
    owner_code,
    objective_code,
    weight,
    tier,
    status,
    decision,
    next_review_on,
    reason
from ranked
where version_rank = 1
