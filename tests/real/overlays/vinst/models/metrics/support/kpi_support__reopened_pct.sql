-- Grain: one row per completed incident, on the day of its first completion.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            -- Undecided though it may be back: early hits would bias the rate.
            when
                {{ add_seconds('instances.first_completed_at', 7 * 86400) }}
                > freshness.data_as_of
                then 'window_running'
        end as reason
    from {{ ref('int_support__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'support.reopened_pct'
    where instances.first_completed_at is not null
)

select
    'support.reopened_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    {{ local_date('first_completed_at', "'Europe/Brussels'") }} as measured_on,
    case
        when reason is null
            then cast(
                case
                    when
                        first_reopened_at
                        <= {{ add_seconds('first_completed_at', 7 * 86400) }}
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
