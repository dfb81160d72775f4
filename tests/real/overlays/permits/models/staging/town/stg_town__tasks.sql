-- Grain: one row per task done.
select
    request_no,
    task_no,
    -- T02 Check confirmation of receipt: the number is the code.
    case
        when task = 'Confirmation of receipt' then 'receipt'
        else lower(split_part(task, ' ', 1))
    end as activity_code,
    done_at,
    clerk_id,
    team as team_code,
    lower(channel) as channel_code,
    request_started_at,
    request_ended_at,
    deadline_at,
    _batch_id as batch_id
from {{ source('town', 'tasks') }}
