-- Grain: one row per document: invoice, credit note or stock note.
with lines as (
    select
        *,
        -- Postage, fees and discounts are on the document and are no goods.
        upper(stock_code) not in (
            'AMAZONFEE', 'BANK CHARGES', 'C2', 'D', 'DOT', 'M', 'POST', 'S'
        ) as is_goods,
        -- Whole pennies, rounded half up, before anything is summed.
        cast(round(quantity * unit_price * 100, 0) as bigint) as line_pence
    from {{ source('till', 'lines') }}
)

select
    invoice_no,
    case
        when invoice_no like 'C%' then 'credit'
        -- Stock corrections are written as invoices of nothing.
        when max(unit_price) = 0 then 'stock_note'
        else 'sale'
    end as document_kind,
    min(invoiced_at) as first_invoiced_at,
    max(invoiced_at) as last_invoiced_at,
    min(customer_id) as customer_id,
    case
        when max(case when country = 'United Kingdom' then 1 else 0 end) = 1
            then 'domestic'
        else 'abroad'
    end as market_code,
    count(*) as line_count,
    sum(case when is_goods then 1 else 0 end) as goods_line_count,
    cast(coalesce(sum(case when is_goods then line_pence end), 0) as bigint)
        as goods_pence,
    min(_batch_id) as batch_id
from lines
group by invoice_no
