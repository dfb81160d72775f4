-- Grain: one row per order number that any of the four exports mentions.
with results as (
    select
        subject_id,
        max(case when kpi_code = 'orders.dispatch_minutes' then numerator end)
            as dispatch_working_seconds,
        max(case when kpi_code = 'orders.processing_minutes' then numerator end)
            as processing_working_seconds,
        max(case when kpi_code = 'orders.info_accuracy_pct' then numerator end) = 1
            as is_info_right,
        max(case when kpi_code = 'orders.dispatch_accuracy_pct' then numerator end) = 1
            as is_dispatch_right,
        max(case when kpi_code = 'orders.pick_accuracy_pct' then numerator end) = 1
            as is_pick_right,
        max(case when kpi_code = 'orders.same_day_ship_pct' then numerator end) = 1
            as is_shipped_same_day
    from {{ ref('fct_kpi_observations') }}
    where kpi_code like 'orders.%'
    group by subject_id
)

select
    orders.process_instance_id as order_no,
    orders.segment_code,
    orders.warehouse_code,
    orders.is_test,
    orders.is_cancelled,
    orders.outcome_code,
    orders.exclusion_reason,
    orders.hold_reason_code,
    orders.correction_reason_code,
    orders.redispatch_reason_code,
    orders.return_reason_code,
    orders.received_at,
    orders.checked_at,
    orders.dispatched_at,
    orders.redispatched_at,
    orders.first_pick_at,
    orders.last_picked_at,
    orders.last_packed_at,
    orders.shipped_at,
    orders.delivered_at,
    orders.refused_at,
    orders.returned_at,
    orders.cancelled_at,
    orders.received_on,
    orders.shipped_on,
    results.dispatch_working_seconds,
    results.processing_working_seconds,
    results.is_info_right,
    results.is_dispatch_right,
    results.is_pick_right,
    results.is_shipped_same_day,
    cast(orders.score as bigint) as first_answer_score,
    orders.data_as_of
from {{ ref('int_orders__instances') }} as orders
left join results
    on orders.process_instance_id = results.subject_id
