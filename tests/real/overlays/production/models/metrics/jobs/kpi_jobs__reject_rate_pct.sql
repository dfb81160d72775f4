-- Grain: one row per step, on the day it ended.
with reasoned as (
    select
        steps.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when steps.completed_units + steps.rejected_units = 0 then 'no_units'
        end as reason
    from {{ ref('int_jobs__steps_reported') }} as steps
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'jobs.reject_rate_pct'
)

select
    'jobs.reject_rate_pct' as kpi_code,
    step_id as subject_id,
    activity_code as segment_code,
    {{ local_date('completed_at') }} as measured_on,
    case when reason is null then rejected_units end as numerator,
    case when reason is null then completed_units + rejected_units end as denominator,
    case
        when reason is null then 'counted'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
