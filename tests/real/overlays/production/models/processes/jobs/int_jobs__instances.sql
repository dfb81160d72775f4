-- Grain: one row per job.
with jobs as (
    select
        job_no,
        min(started_at) as started_at,
        max(completed_at) as last_completed_at,
        max(
            case
                when
                    activity_code in (
                        'Packing', 'Final Inspection Q.C.', 'Final Inspection'
                    )
                    then completed_at
            end
        ) as last_finished_at
    from {{ ref('stg_shopfloor__steps') }}
    group by job_no
),

ended as (
    select
        *,
        case when last_finished_at = last_completed_at then last_completed_at end
            as ended_at
    from jobs
),

freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'shopfloor.steps'
)

select
    'jobs' as process_code,
    ended.job_no as process_instance_id,
    'unknown' as segment_code,
    ended.started_at,
    ended.ended_at,
    {{ local_date('ended.started_at') }} as started_on,
    {{ local_date('ended.ended_at') }} as ended_on,
    false as is_cancelled,
    case when ended.ended_at is not null then 'finished' end as outcome_code,
    cast(null as varchar) as exclusion_reason,
    cast(null as timestamp) as due_at,
    cast(null as varchar) as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of
from ended
cross join freshness
