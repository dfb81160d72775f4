-- Grain: one row per order, its newest version.
with ranked as (
    select
        *,
        row_number() over (
            partition by order_no
            -- At equal update times the later file, then the later row, is newer.
            order by updated_at desc, _period desc, _record_no desc, _batch_id desc
        ) as version_rank
    from {{ source('erp', 'orders') }}
    where order_no is not null
)

select
    order_no,
    customer_id,
    nullif(trim(channel), '') as channel_code,
    received_at,
    checked_at,
    dispatched_at,
    -- Typed by hand, sometimes in full width.
    nullif(
        trim(translate(warehouse, 'ＷＨ０１２３４５６７８９', 'WH0123456789')), ''
    ) as warehouse_code,
    redispatched_at,
    nullif(trim(redispatch_reason), '') as redispatch_reason_code,
    nullif(trim(correction_reason), '') as correction_reason_code,
    nullif(trim(hold_reason), '') as hold_reason_code,
    case trim(category)
        when '灯俱' then '灯具'
        else nullif(trim(category), '')
    end as category_code,
    cast(amount * 100 as bigint) as amount_cents,
    cancelled_at,
    returned_at,
    nullif(trim(return_reason), '') as return_reason_code,
    updated_at,
    _batch_id as batch_id
from ranked
where version_rank = 1
