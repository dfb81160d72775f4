-- Grain: one row per answer about a delivery.
with answers as (
    select
        *,
        nullif(trim(order_no), '') as answered_order_no
    from {{ source('survey', 'delivery') }}
),

numbered as (
    select
        *,
        row_number() over (
            partition by answered_order_no
            -- Two answers of one day: the earlier file, then the earlier row.
            order by answered_on, _period, _record_no, _batch_id
        ) as answer_no
    from answers
)

select
    case
        when answered_order_no is null
            then
                'no-order-' || substr(_batch_id, 1, 8)
                || '-' || cast(_record_no as varchar)
        else answered_order_no || '-' || lpad(cast(answer_no as varchar), 2, '0')
    end as answer_id,
    answered_order_no as order_no,
    answer_no,
    answered_on,
    cast(score as bigint) as score,
    _batch_id as batch_id
from numbered
