-- Grain: one row per idea, and beside them per meeting and rating cycle.
with freshness as (
    select
        case
            when count(*) = count(data_as_of)
                then least(min(data_as_of), {{ as_of() }})
        end as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code in ('sheets.meetings', 'sheets.ideas', 'sheets.roster')
),

ideas as (
    select
        ideas.*,
        case
            when people.person_id is null or not people.is_in_post then 'unknown'
            when people.is_small_unit then 'small_group'
            else people.unit_code
        end as segment_code
    from {{ ref('stg_sheets__ideas') }} as ideas
    left join {{ ref('int_collaboration__people_placed') }} as people
        on ideas.month_on = people.month_on
        and ideas.person_id = people.person_id
),

all_instances as (
    select
        idea_no as process_instance_id,
        'idea' as instance_kind,
        segment_code,
        submitted_on as started_on,
        measured_on as ended_on,
        coalesce(status_code = 'rejected', false) as is_cancelled,
        case
            when measured_on is not null then 'verified'
            when status_code = 'rejected' then 'rejected'
        end as outcome_code,
        case when measured_on < submitted_on then 'reversed_clock' end
            as exclusion_reason,
        status_code,
        department_count,
        -- A solution is in use and concerns several departments.
        adopted_on is not null and department_count >= 2 as is_solution,
        adopted_on,
        metric_code,
        metric_direction_code,
        baseline_hundredths,
        result_hundredths,
        measured_on
    from ideas
    union all
    select
        process_instance_id,
        case activity_code when 'meet' then 'meeting' else 'cycle' end as instance_kind,
        'company' as segment_code,
        {{ local_date('occurred_at') }} as started_on,
        {{ local_date('occurred_at') }} as ended_on,
        false as is_cancelled,
        cast(null as string) as outcome_code,
        -- Logged beside the ideas; their clocks say nothing about ideas.
        'side_event' as exclusion_reason,
        cast(null as string) as status_code,
        cast(null as bigint) as department_count,
        false as is_solution,
        cast(null as date) as adopted_on,
        cast(null as string) as metric_code,
        cast(null as string) as metric_direction_code,
        cast(null as bigint) as baseline_hundredths,
        cast(null as bigint) as result_hundredths,
        cast(null as date) as measured_on
    from {{ ref('int_collaboration__events') }}
    where activity_code in ('meet', 'rate_360')
)

select
    'collaboration' as process_code,
    all_instances.process_instance_id,
    all_instances.segment_code,
    {{ local_to_utc('cast(all_instances.started_on as timestamp)') }} as started_at,
    {{ local_to_utc('cast(all_instances.ended_on as timestamp)') }} as ended_at,
    all_instances.started_on,
    all_instances.ended_on,
    all_instances.is_cancelled,
    all_instances.outcome_code,
    all_instances.exclusion_reason,
    cast(null as timestamp) as due_at,
    cast(null as string) as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of,
    all_instances.instance_kind,
    all_instances.status_code,
    all_instances.department_count,
    all_instances.is_solution,
    all_instances.adopted_on,
    {{ local_to_utc('cast(all_instances.adopted_on as timestamp)') }} as adopted_at,
    all_instances.metric_code,
    all_instances.metric_direction_code,
    all_instances.baseline_hundredths,
    all_instances.result_hundredths,
    all_instances.measured_on
from all_instances
cross join freshness
