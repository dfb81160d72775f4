-- Grain: one row per KPI and open subject that is near its limit or beyond it.
select
    ages.kpi_code,
    ages.subject_id,
    ages.segment_code,
    ages.process_code,
    case
        when ages.age_seconds > ages.case_limit_seconds then 'breached'
        else 'at_risk'
    end as case_state,
    ages.running_since_at,
    ages.clock,
    ages.age_seconds,
    ages.case_limit_seconds,
    ages.data_as_of
from {{ ref('fct_kpi_open_ages') }} as ages
inner join {{ ref('int_kpi_defaults') }} as figures
    on ages.kpi_code = figures.kpi_code
where ages.age_seconds > round(figures.case_at_risk * ages.case_limit_seconds, 3)
