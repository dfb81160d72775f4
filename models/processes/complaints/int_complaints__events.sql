-- Grain: one row per event of a complaint; start and end of handling are one event.
with in_charge as (
    select
        *,
        -- Whoever was assigned last is in charge until the next assignment.
        sum(case when event_code in ('assigned', 'reassigned') then 1 else 0 end) over (
            partition by complaint_no
            order by event_no
            rows between unbounded preceding and current row
        ) as assignment_no,
        sum(
            case event_code when 'accepted' then 1 when 'reopened' then -1 else 0 end
        ) over (
            partition by complaint_no
            order by event_no
            rows between unbounded preceding and current row
        ) as acceptances
    from {{ ref('stg_helpdesk__complaint_events') }}
),

logged as (
    select
        *,
        max(case when event_code in ('assigned', 'reassigned') then department_code end)
            over (partition by complaint_no, assignment_no) as handling_unit_code
    from in_charge
),

handled as (
    {{ pair_lifecycle(
        ref('stg_helpdesk__complaint_events'),
        keys=['complaint_no'],
        lifecycle='event_code',
        at='event_at',
        start='handling_started',
        complete='handled'
    ) }}
),

all_events as (
    select
        complaint_no,
        event_id,
        case
            when event_code = 'received' then 'receive'
            when event_code = 'classified' then 'classify'
            when event_code = 'assigned' then 'assign'
            when event_code = 'reassigned' then 'reassign'
            when event_code = 'feedback_sent' then 'feedback'
            when event_code = 'accepted' then 'accept'
            when event_code = 'reopened' then 'reopen'
            when event_code = 'withdrawn' then 'withdraw'
            when event_code = 'archived' then 'archive'
            -- Found while it runs it is part of the work; later it reopens nothing.
            when event_code = 'qa_error' and acceptances > 0 then 'qa_audit'
            when event_code = 'qa_error' then 'qa_check'
            else event_code
        end as activity_code,
        cast(null as timestamp) as started_at,
        event_at as occurred_at,
        cast(null as string) as resource_id,
        case
            when event_code in ('accepted', 'reopened', 'withdrawn') then 'customer'
            when event_code = 'qa_error' then 'complaints'
            else 'service'
        end as org_unit_code,
        batch_id,
        cast(1 as bigint) as source_rows
    from logged
    where event_code not in ('handling_started', 'handled')
    union all
    select
        handled.complaint_no,
        handled.event_id,
        'handle' as activity_code,
        handled.started_at,
        handled.occurred_at,
        logged.handler_id as resource_id,
        logged.handling_unit_code as org_unit_code,
        logged.batch_id,
        cast(
            case
                when handled.started_at is null or handled.occurred_at is null then 1
                else 2
            end as bigint
        ) as source_rows
    from handled
    inner join logged
        on handled.event_id = logged.event_id
)

select
    'complaints' as process_code,
    complaint_no as process_instance_id,
    event_id,
    activity_code,
    started_at,
    occurred_at,
    resource_id,
    org_unit_code,
    'helpdesk' as source_system,
    batch_id,
    source_rows
from all_events
