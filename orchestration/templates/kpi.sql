-- Grain: one row per <decide subject: what is measured>, on the local day it ended; while
-- open, on the last covered day.
with scoped as (
    select
        cases.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_${pack}__instances') }} as cases
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = '$code'
    where coalesce(cases.started_at, cases.ended_at) < freshness.data_as_of
),

reasoned as (
    select
        *,
        $numerator as parts,
        case
            when is_cancelled then 'cancelled'
            -- <decide exclusions: what else does not count by definition>
            when started_at is null then 'missing_milestone'
            when ended_at < started_at then 'reversed_clock'
            when ended_at is null then 'not_ended_yet'
        end as reason
    from scoped
)

select
    '$code' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    case
        when reason = 'not_ended_yet' then {{ last_covered_date('kpi_data_as_of') }}
        else coalesce(ended_on, started_on)
    end as measured_on,
    case when reason is null then cast(parts as bigint) end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_ended_yet' then 'open'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
