-- A row here is an order that a core mart or a KPI lost.
with shown as (
    select process_instance_id
    from {{ ref('fct_process_instances') }}
    where process_code = 'marketplace'
),

approvals as (
    select subject_id as process_instance_id
    from {{ ref('kpi_marketplace__approval_minutes') }}
),

handovers as (
    select subject_id as process_instance_id
    from {{ ref('kpi_marketplace__same_day_handover_pct') }}
)

select orders.order_id
from {{ ref('stg_olist__orders') }} as orders
left join shown
    on orders.order_id = shown.process_instance_id
left join approvals
    on orders.order_id = approvals.process_instance_id
left join handovers
    on orders.order_id = handovers.process_instance_id
where
    shown.process_instance_id is null
    or approvals.process_instance_id is null
    or handovers.process_instance_id is null
