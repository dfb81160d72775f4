-- Grain: one row per change of an application.
select
    application_no || '/' || activity || '/' || lifecycle
    || '/' || cast(occurred_at as varchar) as change_id,
    application_no,
    amount,
    lower(replace(activity, ' ', '_')) as activity_code,
    lower(lifecycle) as lifecycle,
    activity like 'W%' as is_work,
    occurred_at,
    case when resource = '112' then 'system' else resource end as resource_id,
    _batch_id as batch_id
from {{ source('bank', 'log') }}
