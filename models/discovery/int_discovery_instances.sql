-- Grain: one row per process instance that counts and has completed events.
with counted as (
    select
        *,
        state in ('closed', 'cancelled') as is_ended
    from {{ ref('fct_process_instances') }}
    where exclusion_reason is null and events > 0
),

outcomes as (
    select distinct outcome_code from counted
    where outcome_code is not null
),

bad_outcomes as (
    select distinct outcomes.outcome_code
    from outcomes
    inner join {{ ref('stg_registers__activity_words') }} as words
        on words.hint = 'bad_outcome'
        and {{ names_word('outcomes.outcome_code', 'words.language', 'words.word') }}
),

processes as (
    select
        counted.process_code,
        max(dim_processes.timezone) as timezone,
        count(case when counted.is_ended then 1 end) = 0 as has_no_end
    from counted
    left join {{ ref('dim_processes') }} as dim_processes
        on counted.process_code = dim_processes.process_code
    group by counted.process_code
),

judged as (
    select
        counted.*,
        -- Where nothing ever ends, an instance belongs to the period it was last seen.
        case
            when counted.is_ended or processes.has_no_end
                then coalesce(
                    counted.ended_on,
                    {{ local_date(
                        'counted.last_event_at',
                        'coalesce(processes.timezone, ' ~ zone_literal() ~ ')'
                    ) }}
                )
        end as tested_on,
        case
            when counted.state = 'closed' then counted.ended_at > counted.due_at
        end as is_late,
        case
            when counted.state = 'closed' and counted.outcome_code is not null
                then bad_outcomes.outcome_code is not null
        end as is_bad_outcome,
        case
            when counted.state = 'closed' then counted.reopenings > 0
        end as is_reopened
    from counted
    inner join processes
        on counted.process_code = processes.process_code
    left join bad_outcomes
        on counted.outcome_code = bad_outcomes.outcome_code
)

select
    process_code,
    process_instance_id,
    state,
    is_ended,
    started_at,
    ended_at,
    started_on,
    ended_on,
    tested_on,
    lead_elapsed_seconds,
    sojourn_elapsed_seconds,
    processing_elapsed_seconds,
    events,
    repetitions,
    is_late,
    is_bad_outcome,
    is_reopened,
    case
        when state = 'closed'
            then
                coalesce(is_late, false)
                or coalesce(is_bad_outcome, false)
                or is_reopened
    end as is_bad_end,
    due_at,
    outcome_code,
    requester_id,
    score,
    cost_cents,
    variant_id,
    data_as_of
from judged
