-- Grain: one row per requisition line, its newest version.
with ranked as (
    select
        *,
        row_number() over (
            partition by req_line
            -- At equal update times the later file, then the later row, is newer.
            order by updated_at desc, _period desc, _record_no desc, _batch_id desc
        ) as version_rank
    from {{ source('erp', 'purchase_orders') }}
    where req_line is not null
)

select
    req_line as requisition_line_no,
    requested_at,
    approve_1_at as approved_1_at,
    approve_2_at as approved_2_at,
    quoted_at,
    po_issued_at,
    po_no,
    coalesce(change_order, false) as is_change_order,
    cancelled_at,
    cancelled_by as cancelled_by_code,
    supplier_id,
    coalesce(supplier_id like 'INT-%', false) as is_internal_supplier,
    item_code,
    nullif(trim(category), '') as category_code,
    qty_ordered as ordered_units,
    requested_date as requested_on,
    promised_date as promised_on,
    received_date as received_on,
    qty_received as received_units,
    cast(unit_price * 100 as bigint) as unit_price_cents,
    cast(std_price * 100 as bigint) as standard_price_cents,
    currency as currency_code,
    updated_at,
    _batch_id as batch_id
from ranked
where version_rank = 1
