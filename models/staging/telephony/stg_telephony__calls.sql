-- Grain: one row per call.
with ranked as (
    select
        *,
        row_number() over (
            partition by call_id
            -- A call sent twice with other contents: the first one sent counts.
            order by _period, _record_no, _batch_id
        ) as arrival_rank
    from {{ source('telephony', 'calls') }}
    where call_id is not null and started_at is not null
)

select
    call_id,
    customer_id,
    nullif(trim(topic), '') as topic_code,
    started_at,
    cast(queue_s as bigint) as queue_seconds,
    cast(talk_s as bigint) as talk_seconds,
    cast(hold_s as bigint) as hold_seconds,
    cast(wrap_s as bigint) as wrap_seconds,
    {{ add_seconds('started_at', 'coalesce(queue_s, 0)') }} as queue_ended_at,
    {{ add_seconds(
        'started_at',
        'coalesce(queue_s, 0) + coalesce(talk_s, 0)'
        ~ ' + coalesce(hold_s, 0) + coalesce(wrap_s, 0)'
    ) }} as ended_at,
    coalesce(answered, false) as is_answered,
    cast(coalesce(transfers, 0) as bigint) as transfer_count,
    agent_id,
    nullif(trim(resolution), '') as resolution_code,
    cast(csat as bigint) as score,
    _batch_id as batch_id
from ranked
where arrival_rank = 1
