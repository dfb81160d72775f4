-- Grain: one row per issue: calls of one customer on one topic, at most 7 days apart.
with freshness as (
    select
        case
            when count(*) = count(data_as_of)
                then least(min(data_as_of), {{ as_of() }})
        end as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'telephony.calls'
),

issues as (
    select
        issue_id,
        min(segment_code) as segment_code,
        min(customer_id) as customer_id,
        min(started_at) as opened_at,
        min(case when call_no = 1 then ended_at end) as first_call_ended_at,
        max(ended_at) as last_call_ended_at,
        count(*) as call_count,
        sum(case when is_answered then 1 else 0 end) as answered_call_count,
        sum(transfer_count) as transfer_count,
        sum(queue_seconds) as queue_seconds,
        sum(talk_seconds) as talk_seconds,
        sum(hold_seconds) as hold_seconds,
        sum(wrap_seconds) as wrap_seconds,
        max(
            case
                when not is_last_call then null
                when is_answered then resolution_code
                else 'abandoned'
            end
        ) as last_resolution_code,
        max(case when is_last_call and score between 1 and 5 then score end) as score
    from {{ ref('int_calls__calls_linked') }}
    group by issue_id
),

judged as (
    select
        issues.*,
        freshness.data_as_of,
        -- A call within 7 days would continue the issue.
        freshness.data_as_of
        >= {{ add_seconds('issues.last_call_ended_at', 7 * 86400) }} as is_complete
    from issues
    cross join freshness
)

select
    'calls' as process_code,
    issue_id as process_instance_id,
    segment_code,
    opened_at as started_at,
    case
        when is_complete and last_resolution_code = 'resolved' then last_call_ended_at
    end as ended_at,
    {{ local_date('opened_at') }} as started_on,
    case
        when is_complete and last_resolution_code = 'resolved'
            then {{ local_date('last_call_ended_at') }}
    end as ended_on,
    false as is_cancelled,
    case when is_complete then last_resolution_code end as outcome_code,
    case when customer_id is null then 'unknown_customer' end as exclusion_reason,
    cast(null as timestamp) as due_at,
    customer_id as requester_id,
    cast(score as double) as score,
    cast(null as bigint) as cost_cents,
    data_as_of,
    opened_at,
    first_call_ended_at,
    last_call_ended_at,
    {{ local_date('opened_at') }} as opened_on,
    is_complete,
    last_resolution_code,
    call_count,
    cast(answered_call_count as bigint) as answered_call_count,
    cast(transfer_count as bigint) as transfer_count,
    cast(queue_seconds as bigint) as queue_seconds,
    cast(talk_seconds as bigint) as talk_seconds,
    cast(hold_seconds as bigint) as hold_seconds,
    cast(wrap_seconds as bigint) as wrap_seconds
from judged
