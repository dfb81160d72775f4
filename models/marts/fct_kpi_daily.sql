-- Grain: one row per KPI, local day, segment, state and exclusion reason.
select
    kpi_code,
    measured_on,
    segment_code,
    state,
    exclusion_reason,
    cast(sum(numerator) as bigint) as numerator,
    cast(sum(denominator) as bigint) as denominator,
    count(*) as subject_count
from {{ ref('fct_kpi_observations') }}
group by kpi_code, measured_on, segment_code, state, exclusion_reason
