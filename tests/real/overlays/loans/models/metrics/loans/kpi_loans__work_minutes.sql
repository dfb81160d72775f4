-- Grain: one row per application, on the day it ended; while open, on the last day
-- covered.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when instances.ended_at is null then 'not_ended_yet'
            when instances.startless_count > 0 then 'no_start'
        end as reason
    from {{ ref('int_loans__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'loans.work_minutes'
)

select
    'loans.work_minutes' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    coalesce(
        ended_on, {{ last_covered_date('kpi_data_as_of', "'Europe/Amsterdam'") }}
    ) as measured_on,
    case when reason is null then work_seconds end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_ended_yet' then 'open'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
