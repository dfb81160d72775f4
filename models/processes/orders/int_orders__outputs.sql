-- Grain: one row per step and field that it must leave behind.
{{ filled_outputs(
    'orders',
    ref('stg_erp__orders'),
    [
        ('dispatch', 'dispatched_at is not null', {
            'erp.orders.warehouse': 'warehouse_code',
        }),
        ('redispatch', 'redispatched_at is not null', {
            'erp.orders.redispatch_reason': 'redispatch_reason_code',
        }),
        ('return', 'returned_at is not null', {
            'erp.orders.return_reason': 'return_reason_code',
        }),
    ]
) }}
