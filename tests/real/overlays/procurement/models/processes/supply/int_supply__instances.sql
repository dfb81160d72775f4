-- Grain: one row per delivered line.
with freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'scms.deliveries'
)

select
    'supply' as process_code,
    deliveries.line_no as process_instance_id,
    deliveries.product_group_code as segment_code,
    cast(coalesce(deliveries.quoted_on, deliveries.ordered_on) as timestamp)
        as started_at,
    cast(deliveries.delivered_on as timestamp) as ended_at,
    coalesce(deliveries.quoted_on, deliveries.ordered_on) as started_on,
    deliveries.delivered_on as ended_on,
    false as is_cancelled,
    'delivered' as outcome_code,
    cast(null as varchar) as exclusion_reason,
    cast({{ add_days('deliveries.scheduled_on', 1) }} as timestamp) as due_at,
    cast(null as varchar) as requester_id,
    cast(null as double) as score,
    deliveries.line_cents as cost_cents,
    freshness.data_as_of,
    deliveries.is_own_warehouse,
    deliveries.quoted_on,
    deliveries.ordered_on,
    deliveries.scheduled_on,
    deliveries.delivered_on,
    deliveries.packs
from {{ ref('stg_scms__deliveries') }} as deliveries
cross join freshness
