-- Grain: one row per request, on the day of its deadline.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            -- Undecided though it may be closed: early ones alone would bias the day.
            when instances.due_at > freshness.data_as_of then 'not_due_yet'
            when instances.ended_at < instances.started_at then 'reversed_clock'
        end as reason
    from {{ ref('int_permits__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'permits.in_time_pct'
)

select
    'permits.in_time_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    {{ local_date('due_at', "'Europe/Amsterdam'") }} as measured_on,
    case
        when reason is null
            then cast(case when ended_at <= due_at then 1 else 0 end as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_due_yet' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
