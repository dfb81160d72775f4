-- Grain: one row per KPI, segment and start of validity, planned targets included.
with resolved as (
    select
        targets.*,
        kpis.direction,
        baselines.baseline,
        case
            when targets.change_type = 'relative'
                then baselines.baseline * (1 + targets.change)
            when targets.change_type = 'points'
                then baselines.baseline + targets.change
        end as changed_target
    from {{ ref('stg_registers__kpi_targets') }} as targets
    inner join {{ ref('dim_kpis') }} as kpis
        on targets.kpi_code = kpis.kpi_code
    left join {{ ref('int_kpi_target_baselines') }} as baselines
        on targets.kpi_code = baselines.kpi_code
        and targets.segment_code = baselines.segment_code
        and targets.valid_from = baselines.valid_from
)

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
    coalesce(
        target_min, case when direction = 'higher' then changed_target end
    ) as target_min,
    coalesce(
        target_max, case when direction = 'lower' then changed_target end
    ) as target_max,
    -- A blank alarm is the target; of a wanted change, the state before it.
    coalesce(
        alarm_min, target_min, case when direction = 'higher' then baseline end
    ) as alarm_min,
    coalesce(
        alarm_max, target_max, case when direction = 'lower' then baseline end
    ) as alarm_max,
    case_limit,
    floor,
    stretch,
    change_type,
    change,
    baseline,
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
from resolved
