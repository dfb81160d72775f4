-- Grain: one row per registered KPI and export that it is computed from.
with fields as (
    select distinct
        kpi_code,
        unnest(string_split(source_fields, '|')) as source_field
    from {{ ref('kpis') }}
)

select distinct
    kpi_code,
    -- erp.orders.received_at names the export erp.orders.
    split_part(trim(source_field), '.', 1)
    || '.' || split_part(trim(source_field), '.', 2) as export_code
from fields
