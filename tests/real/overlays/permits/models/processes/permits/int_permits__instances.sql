-- Grain: one row per request.
with freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'town.tasks'
),

requests as (
    select
        request_no,
        min(channel_code) as channel_code,
        min(request_started_at) as started_at,
        max(request_ended_at) as final_ended_at,
        max(deadline_at) as due_at,
        min(case when activity_code = 'receipt' then done_at end) as received_at,
        min(case when activity_code = 't05' then done_at end) as confirmed_at
    from {{ ref('stg_town__tasks') }}
    group by request_no
),

known as (
    select
        requests.*,
        freshness.data_as_of,
        case
            when requests.final_ended_at <= freshness.data_as_of
                then requests.final_ended_at
        end as ended_at
    from requests
    cross join freshness
)

select
    'permits' as process_code,
    request_no as process_instance_id,
    channel_code as segment_code,
    started_at,
    ended_at,
    {{ local_date('started_at', "'Europe/Amsterdam'") }} as started_on,
    {{ local_date('ended_at', "'Europe/Amsterdam'") }} as ended_on,
    false as is_cancelled,
    case when ended_at is not null then 'closed' end as outcome_code,
    cast(null as varchar) as exclusion_reason,
    due_at,
    cast(null as varchar) as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    data_as_of,
    received_at,
    confirmed_at
from known
