-- Grain: one row per candidate and local day on which it counts something.
with candidates as (
    select * from {{ ref('int_kpi_candidates_found') }}
    where refusal_reason is null
),

facts as (
    select * from {{ ref('int_kpi_candidate_facts') }}
    where state <> 'cancelled'
),

log_days as (
    select
        process_code,
        measured_on,
        min(measured_on) over (partition by process_code) as first_on
    from {{ ref('int_kpi_candidate_calendar') }}
    where period_grain = 'day'
),

present as (
    select
        candidates.candidate_id,
        candidates.process_code,
        candidates.measure,
        facts.started_on,
        {{ local_date(
            add_seconds('facts.started_at', 'candidates.threshold_seconds'),
            'facts.timezone'
        ) }} as slow_on,
        -- At the end of its last day it is gone; that day it was still there to follow.
        case candidates.measure
            when 'snapshot' then facts.ended_on
            else {{ add_days('facts.ended_on', 1) }}
        end as gone_on
    from candidates
    inner join facts
        on candidates.process_code = facts.process_code
    where
        candidates.template_code in ('T16', 'T25')
        and facts.started_on <= coalesce(facts.ended_on, facts.started_on)
),

turns as (
    select
        candidate_id,
        process_code,
        started_on as turned_on,
        0 as slow_change,
        1 as change
    from present
    union all
    select
        candidate_id,
        process_code,
        slow_on as turned_on,
        1 as slow_change,
        0 as change
    from present
    where
        measure = 'snapshot'
        and slow_on < coalesce(gone_on, {{ add_days('slow_on', 1) }})
    union all
    select
        candidate_id,
        process_code,
        gone_on as turned_on,
        case when measure = 'snapshot' and slow_on < gone_on then -1 else 0 end
            as slow_change,
        -1 as change
    from present
    where gone_on is not null
),

turned as (
    -- What began before the log is there on its first day.
    select
        turns.candidate_id,
        turns.process_code,
        greatest(turns.turned_on, log_days.first_on) as turned_on,
        sum(turns.slow_change) as slow_change,
        sum(turns.change) as change
    from turns
    inner join log_days
        on turns.process_code = log_days.process_code
        and log_days.measured_on = log_days.first_on
    group by
        turns.candidate_id,
        turns.process_code,
        greatest(turns.turned_on, log_days.first_on)
),

stock as (
    select
        candidates.candidate_id,
        candidates.template_code,
        log_days.process_code,
        log_days.measured_on,
        sum(coalesce(turned.slow_change, 0)) over (
            partition by candidates.candidate_id order by log_days.measured_on
        ) as slow,
        sum(coalesce(turned.change, 0)) over (
            partition by candidates.candidate_id order by log_days.measured_on
        ) as present
    from candidates
    inner join log_days
        on candidates.process_code = log_days.process_code
    left join turned
        on candidates.candidate_id = turned.candidate_id
        and log_days.measured_on = turned.turned_on
    where candidates.template_code in ('T16', 'T25')
),

follow_ups as (
    select
        candidates.candidate_id,
        visits.occurred_on as measured_on,
        count(*) as follow_ups
    from candidates
    inner join {{ ref('fct_discovered_steps') }} as steps
        on candidates.process_code = steps.process_code
        and steps.activity_hint = 'follow_up'
        and not steps.is_after_end
    inner join {{ ref('fct_events') }} as visits
        on steps.process_code = visits.process_code
        and steps.activity_code = visits.activity_code
    inner join facts
        on visits.process_code = facts.process_code
        and visits.process_instance_id = facts.process_instance_id
    where candidates.template_code = 'T25'
    group by candidates.candidate_id, visits.occurred_on
)

select
    cases.candidate_id,
    cases.measured_on,
    cast(sum(cases.numerator) as bigint) as numerator,
    cast(sum(cases.denominator) as bigint) as denominator,
    cast(
        case
            when max(candidates.measure_type) = 'rate' then sum(cases.denominator)
            else count(*)
        end as bigint
    ) as n
from {{ ref('int_kpi_candidate_cases') }} as cases
inner join candidates
    on cases.candidate_id = candidates.candidate_id
group by cases.candidate_id, cases.measured_on
union all
select
    candidates.candidate_id,
    facts.ended_on as measured_on,
    count(*) as numerator,
    cast(0 as bigint) as denominator,
    count(*) as n
from candidates
inner join facts
    on candidates.process_code = facts.process_code
    and facts.is_closed
where candidates.template_code = 'T22' and facts.ended_on is not null
group by candidates.candidate_id, facts.ended_on
union all
select
    stock.candidate_id,
    stock.measured_on,
    cast(
        case stock.template_code
            when 'T16' then stock.slow
            else coalesce(follow_ups.follow_ups, 0)
        end as bigint
    ) as numerator,
    cast(stock.present as bigint) as denominator,
    cast(
        case stock.template_code
            when 'T16' then stock.present
            else coalesce(follow_ups.follow_ups, 0)
        end as bigint
    ) as n
from stock
left join follow_ups
    on stock.candidate_id = follow_ups.candidate_id
    and stock.measured_on = follow_ups.measured_on
