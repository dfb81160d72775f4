-- Grain: one row per answer about a delivery, with what its order says about it.
select
    answers.answer_id,
    answers.order_no,
    answers.answer_no,
    answers.answered_on,
    {{ local_to_utc('cast(answers.answered_on as timestamp)') }} as answered_at,
    answers.score,
    coalesce(orders.segment_code, 'unknown') as segment_code,
    coalesce(orders.is_test, false) as is_test
from {{ ref('stg_survey__delivery_answers') }} as answers
left join {{ ref('int_orders__instances') }} as orders
    on answers.order_no = orders.process_instance_id
