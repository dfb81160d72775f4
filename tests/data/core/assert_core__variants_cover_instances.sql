-- Every instance with events has one variant, and each variant's instances are closed,
-- open or excluded.
with variants as (
    select
        process_code,
        sum(instances) as instances,
        sum(closed_instances + open_instances + excluded_instances) as stated_instances
    from {{ ref('fct_process_variants') }}
    group by process_code
),

instances as (
    select
        process_code,
        count(*) as instances
    from {{ ref('fct_process_instances') }}
    where events > 0
    group by process_code
)

select
    instances.process_code,
    instances.instances,
    variants.instances as variant_instances,
    variants.stated_instances
from instances
left join variants
    on instances.process_code = variants.process_code
where
    instances.instances <> coalesce(variants.instances, 0)
    or instances.instances <> coalesce(variants.stated_instances, 0)
