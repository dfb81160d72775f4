-- A row here is a document that the core lost, or that not exactly its KPIs show.
with shown as (
    {% for kpi in [
        'kpi_retail__order_value_gbp',
        'kpi_retail__credited_value_pct',
        'kpi_retail__repeat_purchase_pct',
    ] %}
    select subject_id as invoice_no
    from {{ ref(kpi) }}
    union all
    {% endfor %}
    select process_instance_id as invoice_no
    from {{ ref('fct_process_instances') }}
    where process_code = 'retail'
)

select
    documents.invoice_no,
    documents.document_kind,
    count(shown.invoice_no) as places
from {{ ref('stg_till__documents') }} as documents
left join shown
    on documents.invoice_no = shown.invoice_no
group by documents.invoice_no, documents.document_kind
having
    count(shown.invoice_no) <> case documents.document_kind
        when 'sale' then 4
        when 'stock_note' then 3
        else 2
    end
