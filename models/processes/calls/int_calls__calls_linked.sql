-- Grain: one row per call, with the issue it belongs to.
with topics as (
    select
        *,
        coalesce(topic_code, 'unknown') as segment_code
    from {{ ref('stg_telephony__calls') }}
),

followed as (
    select
        *,
        lag(ended_at) over (
            partition by customer_id, segment_code
            order by started_at, call_id
        ) as previous_ended_at
    from topics
),

marked as (
    select
        *,
        case
            -- Nobody knows which calls of unknown customers belong together.
            when customer_id is null or previous_ended_at is null then 1
            when
                {{ elapsed_seconds('previous_ended_at', 'started_at') }} > 7 * 86400
                then 1
            else 0
        end as opens_issue
    from followed
),

numbered as (
    select
        *,
        sum(opens_issue) over (
            partition by customer_id, segment_code
            order by started_at, call_id
            rows between unbounded preceding and current row
        ) as issue_no
    from marked
)

select
    call_id,
    first_value(call_id) over (
        partition by customer_id, segment_code, issue_no
        order by started_at, call_id
    ) as issue_id,
    row_number() over (
        partition by customer_id, segment_code, issue_no
        order by started_at, call_id
    ) as call_no,
    row_number() over (
        partition by customer_id, segment_code, issue_no
        order by started_at desc, call_id desc
    ) = 1 as is_last_call,
    segment_code,
    customer_id,
    started_at,
    queue_ended_at,
    ended_at,
    {{ local_date('started_at') }} as started_on,
    queue_seconds,
    talk_seconds,
    hold_seconds,
    wrap_seconds,
    is_answered,
    transfer_count,
    agent_id,
    resolution_code,
    score,
    batch_id
from numbered
