-- Grain: one row per candidate and subject that it counts.
with candidates as (
    select * from {{ ref('int_kpi_candidates_found') }}
    where refusal_reason is null
),

facts as (
    select * from {{ ref('int_kpi_candidate_facts') }}
),

instances_measured as (
    select
        candidates.candidate_id,
        facts.process_instance_id,
        case candidates.template_code
            when 'T04' then facts.assigned_on
            when 'T05' then facts.due_on
            when 'T06' then facts.started_on
            else facts.ended_on
        end as measured_on,
        case candidates.template_code
            when 'T01' then facts.lead_elapsed_seconds
            when 'T04'
                then case when facts.assign_seconds >= 0 then facts.assign_seconds end
            when 'T05'
                then
                    case
                        when facts.due_at <= facts.data_as_of
                            then cast(
                                coalesce(facts.ended_at <= facts.due_at, false)
                                as bigint
                            )
                    end
            when 'T06'
                then
                    case
                        when facts.started_on <= facts.covered_on
                            then cast(
                                coalesce(facts.ended_on = facts.started_on, false)
                                as bigint
                            )
                    end
            when 'T07' then cast(facts.is_first_time_right as bigint)
            when 'T09'
                then
                    case
                        when facts.assignments > 0
                            then cast(facts.assignments = 1 as bigint)
                    end
            when 'T10' then facts.handovers
            when 'T11' then cast(facts.is_returned as bigint)
            when 'T12' then cast(facts.requests = 0 as bigint)
            when 'T13' then facts.approval_seconds
            when 'T14'
                then
                    case
                        when facts.is_approved and facts.outcome_code is not null
                            then cast(facts.is_rejected as bigint)
                    end
            when 'T15' then facts.lead_elapsed_seconds
            when 'T17' then facts.processing_elapsed_seconds
            when 'T18' then facts.system_events
            when 'T19'
                then
                    case
                        -- Early repeats are not counted before late ones can be.
                        when
                            facts.requester_id is not null
                            and {{ add_seconds(
                                'facts.ended_at', '86400 * candidates.window_days'
                            ) }} <= facts.data_as_of
                            then cast(
                                coalesce(
                                    facts.next_started_at <= {{ add_seconds(
                                        'facts.ended_at',
                                        '86400 * candidates.window_days'
                                    ) }},
                                    false
                                ) as bigint
                            )
                    end
            when 'T20' then cast(round(100 * facts.score) as bigint)
            when 'T21' then cast(facts.is_bad_outcome as bigint)
            when 'T23' then cast(facts.state = 'cancelled' as bigint)
            when 'T24' then facts.cost_cents
        end as numerator,
        case candidates.template_code
            when 'T17' then facts.sojourn_elapsed_seconds
            when 'T18' then facts.known_events
            else 1
        end as denominator
    from candidates
    inner join facts
        on candidates.process_code = facts.process_code
    where
        case
            when candidates.template_code in ('T04', 'T05', 'T06')
                then facts.state <> 'cancelled'
            when candidates.template_code in ('T14', 'T23') then facts.is_ended
            else facts.is_closed
        end
)

select
    candidate_id,
    process_instance_id,
    measured_on,
    numerator,
    cast(denominator as bigint) as denominator
from instances_measured
where numerator is not null and measured_on is not null and denominator > 0
union all
select
    candidates.candidate_id,
    paths.process_instance_id,
    paths.moved_on as measured_on,
    case candidates.path_clock
        when 'wait' then paths.wait_elapsed_seconds
        else paths.gap_elapsed_seconds
    end as numerator,
    cast(1 as bigint) as denominator
from candidates
inner join {{ ref('fct_process_paths') }} as paths
    on candidates.process_code = paths.process_code
    and candidates.from_activity_code = paths.from_activity_code
    and candidates.to_activity_code = paths.to_activity_code
inner join facts
    on paths.process_code = facts.process_code
    and paths.process_instance_id = facts.process_instance_id
where
    candidates.template_code = 'T02'
    and paths.path_kind = 'step'
    and not paths.is_after_end
    and facts.state <> 'cancelled'
    and case candidates.path_clock
        when 'wait' then paths.wait_elapsed_seconds
        else paths.gap_elapsed_seconds
    end is not null
union all
select
    candidates.candidate_id,
    steps.process_instance_id,
    steps.occurred_on as measured_on,
    steps.service_elapsed_seconds as numerator,
    cast(1 as bigint) as denominator
from candidates
inner join {{ ref('fct_process_steps') }} as steps
    on candidates.process_code = steps.process_code
    and candidates.from_activity_code = steps.activity_code
inner join facts
    on steps.process_code = facts.process_code
    and steps.process_instance_id = facts.process_instance_id
where
    candidates.template_code = 'T03'
    and steps.service_elapsed_seconds is not null
    and facts.state <> 'cancelled'
union all
select
    candidates.candidate_id,
    visits.process_instance_id,
    facts.ended_on as measured_on,
    cast(visits.reworks > 0 as bigint) as numerator,
    cast(1 as bigint) as denominator
from candidates
inner join {{ ref('int_discovery_visits') }} as visits
    on candidates.process_code = visits.process_code
    and candidates.from_activity_code = visits.activity_code
inner join facts
    on visits.process_code = facts.process_code
    and visits.process_instance_id = facts.process_instance_id
where candidates.template_code = 'T08' and facts.is_closed
