-- Grain: one row per step of a call.
-- The log has sums per call: holds are laid before the talk, transfers at its start.
-- Every sum is exact, places within a call are convention.
with calls as (
    select
        *,
        {{ add_seconds('queue_ended_at', 'coalesce(hold_seconds, 0)') }}
            as hold_ended_at,
        {{ add_seconds(
            'queue_ended_at', 'coalesce(hold_seconds, 0) + coalesce(talk_seconds, 0)'
        ) }} as talk_ended_at
    from {{ ref('int_calls__calls_linked') }}
),

transfers as (
    select
        call_id,
        {{ each_integer(1, 'transfer_count') }} as transfer_no
    from calls
    where transfer_count > 0
),

steps as (
    select
        call_id,
        'queue' as step_id,
        'queue' as activity_code,
        started_at,
        queue_ended_at as occurred_at,
        cast(null as string) as resource_id
    from calls
    union all
    select
        call_id,
        'answer' as step_id,
        'answer' as activity_code,
        queue_ended_at as started_at,
        queue_ended_at as occurred_at,
        agent_id as resource_id
    from calls
    where is_answered
    union all
    select
        calls.call_id,
        'transfer-' || lpad(cast(transfers.transfer_no as string), 3, '0') as step_id,
        'transfer' as activity_code,
        calls.queue_ended_at as started_at,
        calls.queue_ended_at as occurred_at,
        -- The log names one agent per call, not who handed over to whom.
        cast(null as string) as resource_id
    from calls
    inner join transfers
        on calls.call_id = transfers.call_id
    union all
    select
        call_id,
        'hold' as step_id,
        'hold' as activity_code,
        queue_ended_at as started_at,
        hold_ended_at as occurred_at,
        cast(null as string) as resource_id
    from calls
    where hold_seconds > 0
    union all
    select
        call_id,
        'resolve' as step_id,
        'resolve' as activity_code,
        hold_ended_at as started_at,
        talk_ended_at as occurred_at,
        agent_id as resource_id
    from calls
    where is_answered
    union all
    select
        call_id,
        'wrap_up' as step_id,
        'wrap_up' as activity_code,
        talk_ended_at as started_at,
        ended_at as occurred_at,
        agent_id as resource_id
    from calls
    where is_answered
    union all
    select
        call_id,
        'rate' as step_id,
        'rate' as activity_code,
        ended_at as started_at,
        ended_at as occurred_at,
        cast(null as string) as resource_id
    from calls
    where score is not null
)

select
    'calls' as process_code,
    calls.issue_id as process_instance_id,
    calls.call_id || '-' || steps.step_id as event_id,
    steps.activity_code,
    steps.started_at,
    steps.occurred_at,
    steps.resource_id,
    'call_centre' as org_unit_code,
    'telephony' as source_system,
    calls.batch_id
from steps
inner join calls
    on steps.call_id = calls.call_id
