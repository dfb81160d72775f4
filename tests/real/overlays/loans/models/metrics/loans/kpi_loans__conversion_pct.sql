-- Grain: one row per application, on the day it was submitted.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            -- Undecided though it may be approved: early hits would bias the rate.
            when
                {{ add_seconds('instances.started_at', 60 * 86400) }}
                > freshness.data_as_of
                then 'window_running'
        end as reason
    from {{ ref('int_loans__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'loans.conversion_pct'
)

select
    'loans.conversion_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    started_on as measured_on,
    case
        when reason is null
            then cast(
                case
                    when approved_at <= {{ add_seconds('started_at', 60 * 86400) }}
                        then 1
                    else 0
                end as bigint
            )
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'window_running' then 'undecided'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
