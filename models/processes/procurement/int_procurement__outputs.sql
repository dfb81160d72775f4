-- Grain: one row per step and field that it must leave behind.
{{ filled_outputs(
    'procurement',
    ref('stg_erp__purchase_order_lines'),
    [
        ('quote', 'quoted_at is not null', {
            'erp.purchase_orders.supplier_id': 'supplier_id',
            'erp.purchase_orders.unit_price': 'unit_price_cents',
        }),
        ('issue_po', 'po_issued_at is not null', {
            'erp.purchase_orders.po_no': 'po_no',
        }),
        ('receive_goods', 'received_on is not null', {
            'erp.purchase_orders.qty_received': 'received_units',
        }),
        ('cancel', 'cancelled_at is not null', {
            'erp.purchase_orders.cancelled_by': 'cancelled_by_code',
        }),
    ]
) }}
