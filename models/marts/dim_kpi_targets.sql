-- Grain: one row per KPI, segment and start of validity, planned targets included.
select
    kpi_code,
    segment_code,
    valid_from,
    valid_to,
    case
        when valid_from > {{ as_of_date() }} then 'planned'
        when valid_to <= {{ as_of_date() }} then 'past'
        else 'in_force'
    end as phase,
    target_min,
    target_max,
    alarm_min,
    alarm_max,
    case_limit,
    floor,
    stretch,
    change_type,
    change,
    baseline_from,
    baseline_to,
    due_on,
    review_by,
    intervention_code,
    approver_code,
    alert_to_code,
    on_alarm_en,
    on_alarm_zh,
    reason
from {{ ref('stg_registers__kpi_targets') }}
