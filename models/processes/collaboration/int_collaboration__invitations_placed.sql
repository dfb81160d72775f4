-- Grain: one row per meeting and person invited to it.
select
    invitations.meeting_id,
    invitations.person_id,
    invitations.held_on,
    {{ local_to_utc('cast(invitations.held_on as timestamp)') }} as held_at,
    coalesce(people.unit_code, 'unknown') as unit_code,
    coalesce(people.is_small_unit, true) as is_small_unit,
    invitations.department_count,
    invitations.has_attended,
    invitations.is_on_leave,
    invitations.is_cancelled
from {{ ref('stg_sheets__invitations') }} as invitations
left join {{ ref('int_collaboration__people_placed') }} as people
    on invitations.month_on = people.month_on
    and invitations.person_id = people.person_id
where invitations.is_invited
