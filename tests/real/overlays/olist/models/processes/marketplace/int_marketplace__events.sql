-- Grain: one row per milestone reached by an order, and per answer about it.
with milestones as (
    select
        order_id,
        'purchased' as activity_code,
        purchased_at as occurred_at,
        order_id || '/purchased' as event_id,
        batch_id
    from {{ ref('stg_olist__orders') }}
    union all
    select
        order_id,
        'approved' as activity_code,
        approved_at as occurred_at,
        order_id || '/approved' as event_id,
        batch_id
    from {{ ref('stg_olist__orders') }}
    union all
    select
        order_id,
        'handed_over' as activity_code,
        handed_over_at as occurred_at,
        order_id || '/handed_over' as event_id,
        batch_id
    from {{ ref('stg_olist__orders') }}
    union all
    select
        order_id,
        'delivered' as activity_code,
        delivered_at as occurred_at,
        order_id || '/delivered' as event_id,
        batch_id
    from {{ ref('stg_olist__orders') }}
    union all
    select
        order_id,
        'reviewed' as activity_code,
        answered_at as occurred_at,
        answer_id || '/reviewed' as event_id,
        batch_id
    from {{ ref('stg_olist__order_reviews') }}
)

select
    'marketplace' as process_code,
    order_id as process_instance_id,
    event_id,
    activity_code,
    cast(null as timestamp) as started_at,
    occurred_at,
    cast(null as varchar) as resource_id,
    cast(null as varchar) as org_unit_code,
    'olist' as source_system,
    batch_id
from milestones
where occurred_at is not null
