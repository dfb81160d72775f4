-- Rows of the sheets against the events: a row here is a step whose records got lost or
-- were counted twice on the way.
with expected as (
    select
        'suggest' as activity_code,
        count(submitted_on) as event_count
    from {{ ref('stg_sheets__ideas') }}
    union all
    select
        'adopt' as activity_code,
        count(adopted_on) as event_count
    from {{ ref('stg_sheets__ideas') }}
    union all
    select
        'verify' as activity_code,
        count(measured_on) as event_count
    from {{ ref('stg_sheets__ideas') }}
    union all
    select
        'meet' as activity_code,
        count(distinct meeting_id) as event_count
    from {{ ref('stg_sheets__invitations') }}
    where not is_cancelled
    union all
    select
        'rate_360' as activity_code,
        count(distinct cycle_code) as event_count
    from {{ ref('stg_hr__ratings') }}
),

actual as (
    select
        activity_code,
        count(*) as event_count
    from {{ ref('int_collaboration__events') }}
    group by activity_code
)

select
    expected.activity_code,
    expected.event_count as expected_events,
    actual.event_count as actual_events
from expected
left join actual
    on expected.activity_code = actual.activity_code
where expected.event_count <> coalesce(actual.event_count, 0)
