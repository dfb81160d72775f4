-- Grain: one row per step and field that it must leave behind.
{{ filled_outputs(
    'leads',
    ref('stg_crm__leads'),
    [
        ('assign', 'assigned_at is not null', {
            'crm.leads.owner_id': 'owner_id',
        }),
        ('close', 'lost_at is not null', {
            'crm.leads.lost_reason': 'lost_reason_code',
        }),
    ]
) }}
