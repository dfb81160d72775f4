-- Grain: one row per issue, on the local day of its first call.
with reasoned as (
    select
        issues.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when issues.requester_id is null then 'unknown_customer'
            -- A call within 7 days would continue the issue.
            when
                freshness.data_as_of
                < {{ add_seconds('issues.last_call_ended_at', 7 * 86400) }}
                then 'window_running'
        end as reason
    from {{ ref('int_calls__instances') }} as issues
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'calls.issue_resolution_pct'
    where issues.opened_at < freshness.data_as_of
)

select
    'calls.issue_resolution_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    opened_on as measured_on,
    case
        when reason is not null then null
        when last_resolution_code = 'resolved' then cast(1 as bigint)
        else cast(0 as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'window_running' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
