-- Grain: one row per process instance of any pack.
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
    segment_code,
    started_at,
    ended_at,
    started_on,
    ended_on,
    is_cancelled,
    outcome_code,
    exclusion_reason,
    due_at,
    requester_id,
    score,
    cost_cents,
    data_as_of
from {{ ref('int_' ~ pack ~ '__instances') }}
{{ 'union all' if not loop.last }}
{% endfor %}

{% if not packs %}
select
    cast(null as string) as process_code,
    cast(null as string) as process_instance_id,
    cast(null as string) as segment_code,
    cast(null as timestamp) as started_at,
    cast(null as timestamp) as ended_at,
    cast(null as date) as started_on,
    cast(null as date) as ended_on,
    cast(null as boolean) as is_cancelled,
    cast(null as string) as outcome_code,
    cast(null as string) as exclusion_reason,
    cast(null as timestamp) as due_at,
    cast(null as string) as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    cast(null as timestamp) as data_as_of
where 1 = 0
{% endif %}
