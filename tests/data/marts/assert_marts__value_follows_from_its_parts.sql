-- A value without parts, a part without a value, or infinity: none may be published.
select
    kpi_code,
    period_grain,
    period_start,
    segment_code,
    value,
    numerator,
    denominator
from {{ ref('fct_kpi_values') }}
where
    (value is null) <> (coalesce(denominator, 0) = 0)
    or not isfinite(value)
    or (state in ('final', 'provisional') and value is null)
    or (state = 'not_measurable' and value is not null)
    or (state = 'final') <> (state_reason is null)
