-- Grain: one row per complaint.
with milestones as (
    select
        complaint_no,
        min(event_at) as known_since_at,
        min(case when event_code = 'received' then event_at end) as received_at,
        min(case when event_code = 'classified' then event_at end) as classified_at,
        min(case when event_code = 'assigned' then event_at end) as assigned_at,
        min(case when event_code = 'handled' then event_at end) as handled_at,
        min(case when event_code = 'qa_error' then event_at end) as qa_error_at,
        max(case when event_code = 'accepted' then event_at end) as accepted_at,
        max(case when event_code = 'reopened' then event_at end) as reopened_at,
        max(case when event_code = 'archived' then event_at end) as archived_at,
        max(case when event_code = 'withdrawn' then event_at end) as withdrawn_at,
        max(due_at) as due_at,
        -- What was noted first stays; no later event may move a complaint.
        min_by(
            customer_id, case when customer_id is not null then event_no end
        ) as customer_id,
        min_by(
            product_code, case when product_code is not null then event_no end
        ) as product_code,
        min_by(
            category_code, case when category_code is not null then event_no end
        ) as category_code,
        min_by(
            channel_code, case when channel_code is not null then event_no end
        ) as channel_code,
        count(duplicate_of_complaint_no) > 0 as is_duplicate_case,
        count(case when event_code = 'reassigned' then 1 end) as reassigned_count,
        count(case when event_code = 'reopened' then 1 end) as reopened_count,
        -- Traces of steps that cannot come before an assignment, or before a solution.
        count(
            case
                when event_code in (
                    'reassigned', 'handling_started', 'handled', 'feedback_sent',
                    'accepted', 'archived'
                ) then 1
            end
        ) > 0 as has_passed_assignment,
        count(
            case when event_code in ('feedback_sent', 'accepted', 'archived') then 1 end
        ) > 0 as has_passed_handling
    from {{ ref('stg_helpdesk__complaint_events') }}
    group by complaint_no
),

resolved as (
    select
        *,
        -- A reopening takes the acceptance back until the customer accepts again.
        case
            when reopened_at is null or reopened_at <= accepted_at then accepted_at
        end as resolved_at
    from milestones
),

judged as (
    select
        *,
        withdrawn_at is not null as is_withdrawn,
        resolved_at is null
        and archived_at is not null
        and (reopened_at is null or archived_at > reopened_at) as is_acceptance_lost,
        coalesce(received_at, known_since_at) as in_scope_since_at
    from resolved
),

freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'helpdesk.complaint_events'
)

select
    'complaints' as process_code,
    judged.complaint_no as process_instance_id,
    coalesce(judged.category_code, 'unknown') as segment_code,
    judged.received_at as started_at,
    judged.resolved_at as ended_at,
    {{ local_date('judged.received_at') }} as started_on,
    {{ local_date('judged.resolved_at') }} as ended_on,
    judged.is_withdrawn as is_cancelled,
    case
        when judged.is_withdrawn then 'withdrawn'
        when judged.resolved_at is not null then 'accepted'
        when judged.is_acceptance_lost then 'archived'
    end as outcome_code,
    case
        when judged.received_at is null or judged.is_acceptance_lost
            then 'missing_milestone'
        when judged.resolved_at < judged.received_at then 'reversed_clock'
    end as exclusion_reason,
    judged.due_at,
    judged.customer_id as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of,
    judged.product_code,
    judged.category_code,
    judged.channel_code,
    judged.is_duplicate_case,
    judged.is_acceptance_lost,
    judged.has_passed_assignment,
    judged.has_passed_handling,
    judged.reassigned_count,
    judged.reopened_count,
    judged.classified_at,
    judged.assigned_at,
    judged.handled_at,
    judged.qa_error_at,
    judged.reopened_at,
    judged.withdrawn_at,
    judged.archived_at,
    judged.known_since_at,
    {{ local_date('judged.in_scope_since_at') }} as in_scope_since_on,
    {{ local_date('judged.assigned_at') }} as assigned_on,
    {{ local_date('judged.handled_at') }} as handled_on
from judged
cross join freshness
