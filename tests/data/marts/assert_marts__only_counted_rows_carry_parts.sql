-- Sums need no filter only as long as this holds: a row here would distort every value
-- above it.
select
    kpi_code,
    subject_id,
    state,
    exclusion_reason,
    numerator,
    denominator
from {{ ref('fct_kpi_observations') }}
where
    (state = 'counted' and (numerator is null or denominator is null))
    or (state <> 'counted' and (numerator is not null or denominator is not null))
    or (state = 'counted') <> (exclusion_reason is null)
