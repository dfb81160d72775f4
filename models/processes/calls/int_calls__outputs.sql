-- Grain: one row per step and field that it must leave behind.
{{ filled_outputs(
    'calls',
    ref('stg_telephony__calls'),
    [
        ('resolve', 'is_answered', {
            'telephony.calls.resolution': 'resolution_code',
        }),
        ('wrap_up', 'is_answered', {
            'telephony.calls.wrap_s': 'wrap_seconds',
        }),
    ]
) }}
