-- Grain: one row per issue: calls of one customer on one topic, at most 7 days apart.
with results as (
    select
        subject_id,
        max(case when kpi_code = 'calls.fcr_pct' then numerator end) = 1
            as is_solved_at_first_contact,
        max(case when kpi_code = 'calls.issue_resolution_pct' then numerator end) = 1
            as is_solved
    from {{ ref('fct_kpi_observations') }}
    where kpi_code in ('calls.fcr_pct', 'calls.issue_resolution_pct')
    group by subject_id
)

select
    issues.process_instance_id as issue_id,
    issues.segment_code,
    issues.exclusion_reason,
    issues.outcome_code,
    issues.last_resolution_code,
    issues.opened_at,
    issues.last_call_ended_at,
    issues.ended_at,
    issues.opened_on,
    issues.is_complete,
    issues.call_count,
    issues.answered_call_count,
    issues.transfer_count,
    issues.queue_seconds,
    issues.talk_seconds,
    issues.hold_seconds,
    issues.wrap_seconds,
    cast(issues.score as bigint) as last_score,
    results.is_solved_at_first_contact,
    results.is_solved,
    issues.data_as_of
from {{ ref('int_calls__instances') }} as issues
left join results
    on issues.process_instance_id = results.subject_id
