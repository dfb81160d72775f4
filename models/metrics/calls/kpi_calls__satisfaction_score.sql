-- Grain: one row per rated call, on the local day it began.
with reasoned as (
    select
        calls.*,
        freshness.data_as_of as kpi_data_as_of,
        case when calls.score not between 1 and 5 then 'out_of_scale' end as reason
    from {{ ref('int_calls__calls_linked') }} as calls
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'calls.satisfaction_score'
    where
        calls.started_at < freshness.data_as_of
        -- A call that nobody rated is no subject of this KPI.
        and calls.score is not null
)

select
    'calls.satisfaction_score' as kpi_code,
    call_id as subject_id,
    segment_code,
    started_on as measured_on,
    case when reason is null then score end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
