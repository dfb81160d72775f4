-- Grain: one row per carrier scan.
with ranked as (
    select
        *,
        row_number() over (
            partition by event_id
            -- A scan sent twice with other contents: the first one sent counts.
            order by _period, _record_no, _batch_id
        ) as arrival_rank
    from {{ source('carrier', 'shipments') }}
    where event_id is not null and order_no is not null
)

select
    event_id,
    waybill as waybill_no,
    order_no,
    event as event_code,
    event_time as scanned_at,
    hub as hub_code,
    _batch_id as batch_id
from ranked
where arrival_rank = 1
