-- Calls and seconds of the export against the events: a row here is a step whose calls
-- or seconds got lost or were counted twice on the way.
with expected as (
    select
        'queue' as activity_code,
        count(*) as step_count,
        sum(queue_seconds) as seconds
    from {{ ref('stg_telephony__calls') }}
    union all
    select
        'transfer' as activity_code,
        sum(transfer_count) as step_count,
        0 as seconds
    from {{ ref('stg_telephony__calls') }}
    union all
    select
        'hold' as activity_code,
        count(*) as step_count,
        sum(hold_seconds) as seconds
    from {{ ref('stg_telephony__calls') }}
    where hold_seconds > 0
    union all
    select
        'resolve' as activity_code,
        count(*) as step_count,
        sum(talk_seconds) as seconds
    from {{ ref('stg_telephony__calls') }}
    where is_answered
    union all
    select
        'wrap_up' as activity_code,
        count(*) as step_count,
        sum(wrap_seconds) as seconds
    from {{ ref('stg_telephony__calls') }}
    where is_answered
    union all
    select
        'rate' as activity_code,
        count(score) as step_count,
        0 as seconds
    from {{ ref('stg_telephony__calls') }}
),

actual as (
    select
        activity_code,
        count(*) as step_count,
        sum({{ elapsed_seconds('started_at', 'occurred_at') }}) as seconds
    from {{ ref('int_calls__events') }}
    group by activity_code
)

select
    expected.activity_code,
    expected.step_count as expected_steps,
    actual.step_count as actual_steps,
    expected.seconds as expected_seconds,
    actual.seconds as actual_seconds
from expected
left join actual
    on expected.activity_code = actual.activity_code
where
    coalesce(expected.step_count, 0) <> coalesce(actual.step_count, 0)
    or coalesce(expected.seconds, 0) <> coalesce(actual.seconds, 0)
