-- Grain: one row per event of any pack, open steps included.
{{ config(materialized='view') }}
-- A new pack adds its name to the list.
{% set packs = [
    'calls',
    'collaboration',
    'complaints',
    'leads',
    'orders',
    'procurement',
    'quality',
] %}

{% for pack in packs %}
select
    process_code,
    process_instance_id,
    event_id,
    activity_code,
    started_at,
    occurred_at,
    resource_id,
    org_unit_code,
    source_system,
    batch_id
from {{ ref('int_' ~ pack ~ '__events') }}
{{ 'union all' if not loop.last }}
{% endfor %}

{% if not packs %}
select
    cast(null as string) as process_code,
    cast(null as string) as process_instance_id,
    cast(null as string) as event_id,
    cast(null as string) as activity_code,
    cast(null as timestamp) as started_at,
    cast(null as timestamp) as occurred_at,
    cast(null as string) as resource_id,
    cast(null as string) as org_unit_code,
    cast(null as string) as source_system,
    cast(null as string) as batch_id
where 1 = 0
{% endif %}
