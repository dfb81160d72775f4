-- Grain: one row per document.
with freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'till.lines'
)

select
    'retail' as process_code,
    documents.invoice_no as process_instance_id,
    documents.market_code as segment_code,
    documents.first_invoiced_at as started_at,
    documents.last_invoiced_at as ended_at,
    {{ local_date('documents.first_invoiced_at', "'Europe/London'") }} as started_on,
    {{ local_date('documents.last_invoiced_at', "'Europe/London'") }} as ended_on,
    false as is_cancelled,
    documents.document_kind as outcome_code,
    cast(null as varchar) as exclusion_reason,
    cast(null as timestamp) as due_at,
    documents.customer_id as requester_id,
    cast(null as double) as score,
    documents.goods_pence as cost_cents,
    freshness.data_as_of,
    documents.goods_line_count
from {{ ref('stg_till__documents') }} as documents
cross join freshness
