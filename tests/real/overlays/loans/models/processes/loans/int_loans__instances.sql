-- Grain: one row per application.
with changes as (
    select
        application_no,
        max(amount) as amount,
        min(case when activity_code = 'a_submitted' then occurred_at end)
            as submitted_at,
        min(case when activity_code = 'a_approved' then occurred_at end) as approved_at,
        min(case when activity_code = 'a_declined' then occurred_at end) as declined_at,
        min(case when activity_code = 'a_cancelled' then occurred_at end)
            as cancelled_at
    from {{ ref('stg_bank__changes') }}
    group by application_no
),

work as (
    select
        application_no,
        -- An open piece of work has no end, one without a start no length: both NULL.
        sum({{ elapsed_seconds('started_at', 'occurred_at') }}) as work_seconds,
        sum(case when started_at is null then 1 else 0 end) as startless_count
    from {{ ref('int_loans__steps_paired') }}
    where is_work
    group by application_no
),

freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'bank.log'
),

decided as (
    select
        *,
        -- Each application has at most one of the three.
        coalesce(approved_at, declined_at, cancelled_at) as ended_at
    from changes
)

select
    'loans' as process_code,
    decided.application_no as process_instance_id,
    case
        when decided.amount <= 10000 then 'up_to_10000'
        when decided.amount <= 25000 then 'up_to_25000'
        else 'above_25000'
    end as segment_code,
    decided.submitted_at as started_at,
    decided.ended_at,
    {{ local_date('decided.submitted_at', "'Europe/Amsterdam'") }} as started_on,
    {{ local_date('decided.ended_at', "'Europe/Amsterdam'") }} as ended_on,
    decided.cancelled_at is not null as is_cancelled,
    case
        when decided.approved_at is not null then 'approved'
        when decided.declined_at is not null then 'declined'
        when decided.cancelled_at is not null then 'cancelled'
    end as outcome_code,
    cast(null as varchar) as exclusion_reason,
    cast(null as timestamp) as due_at,
    cast(null as varchar) as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of,
    decided.approved_at,
    cast(coalesce(work.work_seconds, 0) as bigint) as work_seconds,
    coalesce(work.startless_count, 0) as startless_count
from decided
left join work
    on decided.application_no = work.application_no
cross join freshness
