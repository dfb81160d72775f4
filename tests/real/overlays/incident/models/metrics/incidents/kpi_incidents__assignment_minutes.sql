-- Grain: one row per incident, on the day it was first assigned; while unassigned, on
-- the last day the log covers.
with reasoned as (
    select
        *,
        least(
            coalesce(first_resolved_at, first_closed_at),
            coalesce(first_closed_at, first_resolved_at)
        ) as first_ended_at,
        {{ elapsed_seconds('started_at', 'first_assigned_at') }} as elapsed_seconds
    from {{ ref('int_incidents__instances') }}
),

judged as (
    select
        *,
        case
            when first_assigned_at < started_at then 'reversed_clock'
            when first_assigned_at is not null then null
            -- Solved by whoever took the call, or never recorded: not measurable.
            when first_ended_at is not null then 'missing_milestone'
            else 'not_assigned_yet'
        end as exclusion_reason_code
    from reasoned
)

select
    'incidents.assignment_minutes' as kpi_code,
    judged.process_instance_id as subject_id,
    judged.segment_code,
    coalesce(
        {{ local_date('coalesce(judged.first_assigned_at, judged.first_ended_at)') }},
        {{ last_covered_date('freshness.data_as_of') }}
    ) as measured_on,
    case when judged.exclusion_reason_code is null then judged.elapsed_seconds end
        as numerator,
    case when judged.exclusion_reason_code is null then cast(1 as bigint) end
        as denominator,
    case
        when judged.exclusion_reason_code is null then 'counted'
        when judged.exclusion_reason_code = 'not_assigned_yet' then 'open'
        else 'excluded'
    end as state,
    judged.exclusion_reason_code as exclusion_reason,
    freshness.data_as_of
from judged
inner join {{ ref('int_kpi_freshness') }} as freshness
    on freshness.kpi_code = 'incidents.assignment_minutes'
