-- Grain: one row per incident.
with updates as (
    select
        *,
        state_code in ('resolved', 'closed') as is_terminal,
        assignment_group_code is not null or assignee_id is not null as is_assigned,
        -- The minute and the log's count are a total order: the pair is unique.
        row_number() over (
            partition by incident_no
            order by updated_at, update_no
        ) as update_rank,
        row_number() over (
            partition by incident_no, caller_id is null
            order by updated_at, update_no
        ) as known_caller_rank
    from {{ ref('stg_servicenow__incident_updates') }}
),

milestones as (
    select
        incident_no,
        min(opened_at) as opened_at,
        min(case when is_assigned then updated_at end) as first_assigned_at,
        min(case when state_code = 'resolved' then updated_at end)
            as first_resolved_at,
        min(case when state_code = 'closed' then updated_at end) as first_closed_at,
        -- The caller may be put right later; who called when it was opened counts.
        min(case when known_caller_rank = 1 then caller_id end) as caller_id,
        min(case when update_rank = 1 then priority_code end) as first_priority_code,
        max(case when not is_terminal then update_rank else 0 end) as last_working_rank
    from updates
    group by incident_no
),

endings as (
    select
        updates.incident_no,
        min(updates.updated_at) as ended_at
    from updates
    inner join milestones
        on
        updates.incident_no = milestones.incident_no
        and updates.update_rank > milestones.last_working_rank
    group by updates.incident_no
),

freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'servicenow.incident_updates'
)

select
    'incidents' as process_code,
    milestones.incident_no as process_instance_id,
    milestones.first_priority_code as segment_code,
    milestones.opened_at as started_at,
    -- Into the terminal state that holds now; a reopened incident has no end.
    endings.ended_at,
    {{ local_date('milestones.opened_at') }} as started_on,
    {{ local_date('endings.ended_at') }} as ended_on,
    false as is_cancelled,
    case when endings.ended_at is not null then 'solved' end as outcome_code,
    cast(null as varchar) as exclusion_reason,
    cast(null as timestamp) as due_at,
    milestones.caller_id as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of,
    milestones.first_assigned_at,
    milestones.first_resolved_at,
    milestones.first_closed_at
from milestones
left join endings
    on milestones.incident_no = endings.incident_no
cross join freshness
