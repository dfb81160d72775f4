-- Grain: one row per process instance with steps: what happened how often.
select
    process_code,
    process_instance_id,
    count(event_no) as events,
    count(distinct case when event_no is not null then activity_code end) as activities,
    count(case when state = 'open' then 1 end) as open_steps,
    count(case when state = 'completed' and exclusion_reason = 'no_start' then 1 end)
        as startless_steps,
    count(case when exclusion_reason = 'reversed_clock' then 1 end) as reversed_steps,
    count(case when is_after_end then 1 end) as after_end_steps,
    count(repetition_where) as repetitions,
    count(case when is_rework then 1 end) as reworks,
    count(case when is_reopening then 1 end) as reopenings,
    count(case when resource_change = 'handover' then 1 end) as resource_handovers,
    count(case when resource_change = 'unknown' then 1 end) as unknown_resource_changes,
    count(case when org_unit_change = 'handover' then 1 end) as org_unit_handovers,
    count(case when org_unit_change = 'unknown' then 1 end) as unknown_org_unit_changes,
    count(case when is_repeated_approval then 1 end) as repeated_approvals,
    count(case when is_serial_approval then 1 end) as serial_approvals,
    min(case when event_no is not null then occurred_at end) as first_event_at,
    max(occurred_at) as last_event_at
from {{ ref('fct_process_steps') }}
group by process_code, process_instance_id
