-- Grain: one row per call, on the local day it began.
with reasoned as (
    select
        calls.*,
        calls.talk_seconds + calls.hold_seconds + calls.wrap_seconds as handle_seconds,
        freshness.data_as_of as kpi_data_as_of,
        case
            when not calls.is_answered then 'abandoned'
            when
                calls.talk_seconds is null
                or calls.hold_seconds is null
                or calls.wrap_seconds is null
                then 'missing_milestone'
        end as reason
    from {{ ref('int_calls__calls_linked') }} as calls
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'calls.handle_seconds'
    where calls.started_at < freshness.data_as_of
)

select
    'calls.handle_seconds' as kpi_code,
    call_id as subject_id,
    segment_code,
    started_on as measured_on,
    case when reason is null then handle_seconds end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
