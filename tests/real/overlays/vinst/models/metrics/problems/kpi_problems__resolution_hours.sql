-- Grain: one row per closed problem, on the day of the completion that holds.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when instances.ended_at is null then 'not_completed_yet'
        end as reason
    from {{ ref('int_problems__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'problems.resolution_hours'
)

select
    'problems.resolution_hours' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    coalesce(
        ended_on, {{ last_covered_date('kpi_data_as_of', "'Europe/Brussels'") }}
    ) as measured_on,
    case
        when reason is null
            then {{ elapsed_seconds('started_at', 'ended_at') }}
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_completed_yet' then 'open'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
