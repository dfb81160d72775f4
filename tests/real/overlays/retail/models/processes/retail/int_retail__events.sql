-- Grain: one row per document.
select
    'retail' as process_code,
    invoice_no as process_instance_id,
    invoice_no || '/' || document_kind as event_id,
    document_kind as activity_code,
    first_invoiced_at as started_at,
    last_invoiced_at as occurred_at,
    cast(null as varchar) as resource_id,
    cast(null as varchar) as org_unit_code,
    'till' as source_system,
    batch_id
from {{ ref('stg_till__documents') }}
