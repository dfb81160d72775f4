-- Grain: one row per incident.
with changes as (
    select
        *,
        -- No case changes twice in one moment: the moment is a total order.
        row_number() over (
            partition by case_no
            order by occurred_at
        ) as change_no
    from {{ ref('stg_vinst__incident_changes') }}
),

firsts as (
    select
        case_no,
        min(occurred_at) as started_at,
        min(case when is_terminal then occurred_at end) as first_completed_at,
        min(case when change_no = 1 then impact_code end) as first_impact_code,
        max(case when not is_terminal then change_no else 0 end) as last_working_no
    from changes
    group by case_no
),

milestones as (
    select
        firsts.case_no,
        firsts.started_at,
        firsts.first_completed_at,
        firsts.first_impact_code,
        min(
            case
                when
                    not changes.is_terminal
                    and changes.occurred_at > firsts.first_completed_at
                    then changes.occurred_at
            end
        ) as first_reopened_at,
        min(
            case
                when changes.change_no > firsts.last_working_no
                    then changes.occurred_at
            end
        ) as ended_at,
        max(
            case
                when changes.occurred_at <= firsts.first_completed_at
                    then changes.support_line
            end
        ) as highest_line
    from firsts
    inner join changes
        on firsts.case_no = changes.case_no
    group by
        firsts.case_no,
        firsts.started_at,
        firsts.first_completed_at,
        firsts.first_impact_code
),

freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'vinst.incidents'
)

select
    'support' as process_code,
    milestones.case_no as process_instance_id,
    milestones.first_impact_code as segment_code,
    milestones.started_at,
    milestones.ended_at,
    {{ local_date('milestones.started_at', "'Europe/Brussels'") }} as started_on,
    {{ local_date('milestones.ended_at', "'Europe/Brussels'") }} as ended_on,
    false as is_cancelled,
    case when milestones.ended_at is not null then 'completed' end as outcome_code,
    cast(null as varchar) as exclusion_reason,
    cast(null as timestamp) as due_at,
    cast(null as varchar) as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of,
    milestones.first_completed_at,
    milestones.first_reopened_at,
    milestones.highest_line
from milestones
cross join freshness
