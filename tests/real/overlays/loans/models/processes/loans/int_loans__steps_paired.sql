-- Grain: one row per step of an application: a START with its COMPLETE, or one alone.
with paired as (
    {{
        pair_lifecycle(
            ref('stg_bank__changes'),
            keys=['application_no', 'activity_code'],
            event_id='change_id',
        )
    }}
)

select
    paired.application_no,
    paired.activity_code,
    paired.event_id,
    paired.start_event_id,
    changes.is_work,
    paired.started_at,
    paired.occurred_at,
    changes.resource_id,
    changes.batch_id
from paired
inner join {{ ref('stg_bank__changes') }} as changes
    on paired.event_id = changes.change_id
