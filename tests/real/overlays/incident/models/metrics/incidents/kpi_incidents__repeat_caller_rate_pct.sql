-- Grain: one row per resolved incident, on the day of its first resolution.
with resolved as (
    select
        solved.process_instance_id,
        solved.segment_code,
        solved.requester_id,
        solved.first_resolved_at,
        {{ add_seconds('solved.first_resolved_at', 30 * 86400) }} as window_ends_at,
        freshness.data_as_of
    from {{ ref('int_incidents__instances') }} as solved
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'incidents.repeat_caller_rate_pct'
    where solved.first_resolved_at is not null
),

came_back as (
    select resolved.process_instance_id
    from resolved
    inner join {{ ref('int_incidents__instances') }} as later
        on
        resolved.requester_id = later.requester_id
        and resolved.process_instance_id != later.process_instance_id
        and resolved.first_resolved_at < later.started_at
        and resolved.window_ends_at >= later.started_at
    group by resolved.process_instance_id
),

reasoned as (
    select
        resolved.*,
        came_back.process_instance_id is not null as has_come_back,
        case
            when resolved.requester_id is null then 'unknown_caller'
            -- Undecided though a repeat may be known: early hits would bias the rate.
            when resolved.window_ends_at > resolved.data_as_of then 'window_running'
        end as exclusion_reason
    from resolved
    left join came_back
        on resolved.process_instance_id = came_back.process_instance_id
)

select
    'incidents.repeat_caller_rate_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    {{ local_date('first_resolved_at') }} as measured_on,
    case
        when exclusion_reason is null
            then cast(case when has_come_back then 1 else 0 end as bigint)
    end as numerator,
    case when exclusion_reason is null then cast(1 as bigint) end as denominator,
    case
        when exclusion_reason is null then 'counted'
        when exclusion_reason = 'window_running' then 'undecided'
        else 'excluded'
    end as state,
    exclusion_reason,
    data_as_of
from reasoned
