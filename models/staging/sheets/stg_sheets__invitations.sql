-- Grain: one row per meeting and person on its list.
with ranked as (
    select
        *,
        row_number() over (
            partition by meeting_id, person_id
            -- A row entered twice with other marks: the first one counts.
            order by _period, _record_no, _batch_id
        ) as arrival_rank
    from {{ source('sheets', 'meetings') }}
    where meeting_id is not null and person_id is not null and held_on is not null
)

select
    meeting_id,
    person_id,
    held_on,
    cast(date_trunc('month', held_on) as date) as month_on,
    length(departments) - length(replace(departments, '、', '')) + 1
        as department_count,
    -- A blank mark is no mark.
    coalesce(invited, false) as is_invited,
    coalesce(attended, false) as has_attended,
    coalesce(on_leave, false) as is_on_leave,
    coalesce(cancelled, false) as is_cancelled,
    _batch_id as batch_id
from ranked
where arrival_rank = 1
