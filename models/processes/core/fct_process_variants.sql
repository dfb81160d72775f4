-- Grain: one row per process and variant, an order of activities.
with instances as (
    select
        process_code,
        process_instance_id,
        ended_at is null and not is_cancelled as is_open,
        exclusion_reason is not null as is_excluded
    from {{ ref('int_process_instances') }}
),

variants as (
    select * from {{ ref('int_process_instance_variants') }}
),

counted as (
    select
        variants.process_code,
        variants.variant_id,
        max(variants.collapsed_variant_id) as collapsed_variant_id,
        max(variants.activity_path) as activity_path,
        max(variants.events) as events_per_instance,
        count(*) as instances,
        sum(
            case
                when not instances.is_excluded and not instances.is_open then 1 else 0
            end
        ) as closed_instances,
        sum(
            case when not instances.is_excluded and instances.is_open then 1 else 0 end
        ) as open_instances,
        sum(case when instances.is_excluded then 1 else 0 end) as excluded_instances
    from variants
    inner join instances
        on variants.process_code = instances.process_code
        and variants.process_instance_id = instances.process_instance_id
    group by variants.process_code, variants.variant_id
)

select
    process_code,
    variant_id,
    collapsed_variant_id,
    replace(activity_path, chr(31), ' > ') as activity_path,
    cast(events_per_instance as bigint) as events_per_instance,
    cast(instances as bigint) as instances,
    cast(closed_instances as bigint) as closed_instances,
    cast(open_instances as bigint) as open_instances,
    cast(excluded_instances as bigint) as excluded_instances,
    cast(
        sum(closed_instances) over (partition by process_code) as bigint
    ) as process_closed_instances
from counted
