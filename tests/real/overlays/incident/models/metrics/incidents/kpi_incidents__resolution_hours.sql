-- Grain: one row per incident, on the day of its first resolution; while open, on the
-- last day the log covers.
with reasoned as (
    select
        *,
        {{ elapsed_seconds('started_at', 'first_resolved_at') }} as elapsed_seconds,
        case
            when first_resolved_at < started_at then 'reversed_clock'
            when first_resolved_at is not null then null
            when first_closed_at is not null then 'missing_milestone'
            else 'not_resolved_yet'
        end as exclusion_reason_code
    from {{ ref('int_incidents__instances') }}
)

select
    'incidents.resolution_hours' as kpi_code,
    reasoned.process_instance_id as subject_id,
    reasoned.segment_code,
    coalesce(
        {{
            local_date(
                'coalesce(reasoned.first_resolved_at, reasoned.first_closed_at)'
            )
        }},
        {{ last_covered_date('freshness.data_as_of') }}
    ) as measured_on,
    case when reasoned.exclusion_reason_code is null then reasoned.elapsed_seconds end
        as numerator,
    case when reasoned.exclusion_reason_code is null then cast(1 as bigint) end
        as denominator,
    case
        when reasoned.exclusion_reason_code is null then 'counted'
        when reasoned.exclusion_reason_code = 'not_resolved_yet' then 'open'
        else 'excluded'
    end as state,
    reasoned.exclusion_reason_code as exclusion_reason,
    freshness.data_as_of
from reasoned
inner join {{ ref('int_kpi_freshness') }} as freshness
    on freshness.kpi_code = 'incidents.resolution_hours'
