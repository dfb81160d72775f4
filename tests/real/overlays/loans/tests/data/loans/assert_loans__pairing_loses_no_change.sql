-- A row here is a START or COMPLETE that pairing lost or used twice.
with used as (
    select start_event_id as change_id
    from {{ ref('int_loans__steps_paired') }}
    where start_event_id is not null
    union all
    select event_id as change_id
    from {{ ref('int_loans__steps_paired') }}
    where occurred_at is not null
)

select
    changes.change_id,
    count(used.change_id) as uses
from {{ ref('stg_bank__changes') }} as changes
left join used
    on changes.change_id = used.change_id
where changes.lifecycle in ('start', 'complete')
group by changes.change_id
having count(used.change_id) <> 1
