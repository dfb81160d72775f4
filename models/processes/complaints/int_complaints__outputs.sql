-- Grain: one row per step and field that it must leave behind.
{{ filled_outputs(
    'complaints',
    ref('stg_helpdesk__complaint_events'),
    [
        ('receive', "event_code = 'received'", {
            'helpdesk.complaint_events.customer_id': 'customer_id',
            'helpdesk.complaint_events.product_code': 'product_code',
        }),
        ('classify', "event_code = 'classified'", {
            'helpdesk.complaint_events.category': 'category_code',
        }),
        ('assign', "event_code = 'assigned'", {
            'helpdesk.complaint_events.department': 'department_code',
            'helpdesk.complaint_events.handler_id': 'handler_id',
            'helpdesk.complaint_events.deadline': 'due_at',
        }),
    ]
) }}
