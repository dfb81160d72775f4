-- Grain: one row per KPI.
select
    kpi_code,
    -- The same in all rows of a KPI.
    max(data_as_of) as data_as_of,
    bool_or(is_stale) as is_stale,
    max(reliability_grade) as reliability_grade,
    coalesce(
        max(case when state = 'held' then state_reason end),
        case
            when max(data_as_of) is null then 'never_delivered'
            when max(reliability_grade) = 'D' then 'grade_d'
        end
    ) as held_reason,
    bool_or(is_stale) or max(reliability_grade) = 'D' as is_held
from {{ ref('fct_kpi_values') }}
group by kpi_code
