-- Grain: one row per KPI, segment and official period that this version publishes anew.
select
    kpi_code,
    definition_version,
    segment_code,
    period_grain,
    period_start,
    period_end,
    value,
    numerator,
    denominator,
    counted_count,
    open_count,
    undecided_count,
    excluded_count,
    finality,
    target_min,
    target_max,
    alarm_min,
    alarm_max,
    is_visible_change,
    reason,
    data_as_of,
    {{ as_of() }} as known_from
from {{ ref('int_publication_changes') }}
where not is_held_back
