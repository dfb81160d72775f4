-- Grain: one row per request, on the day its confirmation was sent; without one, on
-- the day it was closed; while open, on the last day covered.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when instances.confirmed_at < instances.received_at then 'reversed_clock'
            when instances.confirmed_at is null and instances.ended_at is not null
                then 'missing_milestone'
            when instances.confirmed_at is null then 'not_confirmed_yet'
        end as reason
    from {{ ref('int_permits__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'permits.confirmation_hours'
)

select
    'permits.confirmation_hours' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    coalesce(
        {{ local_date('confirmed_at', "'Europe/Amsterdam'") }},
        ended_on,
        {{ last_covered_date('kpi_data_as_of', "'Europe/Amsterdam'") }}
    ) as measured_on,
    case
        when reason is null
            then {{ elapsed_seconds('received_at', 'confirmed_at') }}
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_confirmed_yet' then 'open'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
