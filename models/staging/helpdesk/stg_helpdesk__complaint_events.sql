-- Grain: one row per event of a complaint.
with ranked as (
    select
        *,
        row_number() over (
            partition by event_id
            -- An event sent twice with other contents: the first one sent counts.
            order by _period, _record_no, _batch_id
        ) as arrival_rank
    from {{ source('helpdesk', 'complaint_events') }}
    where
        event_id is not null
        and complaint_no is not null
        and event_time is not null
)

select
    event_id,
    complaint_no,
    row_number() over (
        partition by complaint_no
        -- Of events at one moment an assignment comes before its correction.
        order by event_time, event_type, event_id
    ) as event_no,
    event_type as event_code,
    event_time as event_at,
    deadline as due_at,
    customer_id,
    product_code,
    nullif(trim(category), '') as category_code,
    department as department_code,
    handler_id,
    reason as reason_code,
    channel as channel_code,
    duplicate_of as duplicate_of_complaint_no,
    _batch_id as batch_id
from ranked
where arrival_rank = 1
