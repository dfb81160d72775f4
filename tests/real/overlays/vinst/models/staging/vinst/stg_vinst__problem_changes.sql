-- Grain: one row per change of status of a problem.
select
    case_no || '/' || cast(occurred_at as varchar) as change_id,
    case_no,
    lower(
        replace(replace(status || '/' || substatus, ' - ', '_'), ' ', '_')
    ) as activity_code,
    status = 'Completed' as is_terminal,
    occurred_at,
    owner as owner_id,
    team as team_code,
    case
        when team like '% 3rd' then 3
        when team like '% 2nd' then 2
        else 1
    end as support_line,
    lower(impact) as impact_code,
    _batch_id as batch_id
from {{ source('vinst', 'problems') }}
