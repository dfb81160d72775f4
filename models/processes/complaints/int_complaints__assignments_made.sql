-- Grain: one row per assignment or re-assignment of a complaint.
select
    event_id,
    complaint_no,
    row_number() over complaint_order as assignment_no,
    event_code,
    event_at as assigned_at,
    {{ local_date('event_at') }} as assigned_on,
    department_code,
    handler_id,
    lead(event_code) over complaint_order as next_event_code,
    lead(reason_code) over complaint_order as next_reason_code
from {{ ref('stg_helpdesk__complaint_events') }}
where event_code in ('assigned', 'reassigned')
window complaint_order as (partition by complaint_no order by event_no)
