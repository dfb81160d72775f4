-- Grain: one row per process instance of any pack.
with instances as (
    select
        *,
        case
            when is_cancelled then 'cancelled'
            when ended_at is null then 'open'
            else 'closed'
        end as state,
        -- The clock of an open instance stops where its data end.
        coalesce(ended_at, data_as_of) as until_at
    from {{ ref('int_process_instances') }}
),

calendars as (
    select
        processes.process_code,
        calendars.calendar_code,
        calendars.timezone
    from {{ ref('dim_processes') }} as processes
    inner join {{ ref('dim_calendars') }} as calendars
        on processes.calendar_code = calendars.calendar_code
),

located as (
    select
        instances.*,
        calendars.calendar_code,
        calendars.timezone
    from instances
    left join calendars
        on instances.process_code = calendars.process_code
),

clocked as (
    select
        located.*,
        {{ elapsed_seconds('located.started_at', 'located.until_at') }}
            as span_elapsed_seconds,
        {{ working_seconds_between(
            'located.started_at', 'located.until_at', 'start_day', 'until_day'
        ) }} as span_working_seconds,
        coalesce(
            {{ calendar_gap_reason(
                'located.calendar_code', 'located.started_at', 'start_day',
                'located.timezone'
            ) }},
            {{ calendar_gap_reason(
                'located.calendar_code', 'located.until_at', 'until_day',
                'located.timezone'
            ) }}
        ) as span_calendar_reason,
        case
            when located.started_at is null then 'no_start'
            when located.until_at < located.started_at then 'reversed_clock'
            when located.state = 'cancelled' then 'cancelled'
            when located.state = 'open' then 'not_finished'
        end as lead_reason
    from located
    {{ join_calendar_day(
        'start_day', 'located.calendar_code', 'located.started_at', 'located.timezone'
    ) }}
    {{ join_calendar_day(
        'until_day', 'located.calendar_code', 'located.until_at', 'located.timezone'
    ) }}
)

select
    clocked.process_code,
    clocked.process_instance_id,
    clocked.segment_code,
    clocked.state,
    clocked.started_at,
    clocked.ended_at,
    clocked.started_on,
    clocked.ended_on,
    clocked.is_cancelled,
    clocked.outcome_code,
    clocked.exclusion_reason,
    clocked.due_at,
    clocked.requester_id,
    clocked.score,
    clocked.cost_cents,
    counts.first_event_at,
    counts.last_event_at,
    clocked.lead_reason,
    case when clocked.lead_reason is null then clocked.span_elapsed_seconds end
        as lead_elapsed_seconds,
    case when clocked.lead_reason is null then clocked.span_working_seconds end
        as lead_working_seconds,
    case when clocked.lead_reason = 'not_finished' then clocked.span_elapsed_seconds end
        as age_elapsed_seconds,
    case when clocked.lead_reason = 'not_finished' then clocked.span_working_seconds end
        as age_working_seconds,
    clocks.processing_reason,
    coalesce(clocked.span_calendar_reason, clocks.calendar_reason) as calendar_reason,
    clocks.sojourn_elapsed_seconds,
    clocks.sojourn_working_seconds,
    clocks.processing_elapsed_seconds,
    clocks.processing_working_seconds,
    clocks.idle_elapsed_seconds,
    clocks.idle_working_seconds,
    clocks.touch_elapsed_seconds,
    clocks.touch_working_seconds,
    coalesce(counts.events, 0) as events,
    coalesce(counts.activities, 0) as activities,
    coalesce(counts.open_steps, 0) as open_steps,
    coalesce(counts.startless_steps, 0) as startless_steps,
    coalesce(counts.reversed_steps, 0) as reversed_steps,
    coalesce(counts.after_end_steps, 0) as after_end_steps,
    coalesce(counts.repetitions, 0) as repetitions,
    coalesce(counts.reworks, 0) as reworks,
    coalesce(counts.reopenings, 0) as reopenings,
    coalesce(counts.resource_handovers, 0) as resource_handovers,
    coalesce(counts.unknown_resource_changes, 0) as unknown_resource_changes,
    coalesce(counts.org_unit_handovers, 0) as org_unit_handovers,
    coalesce(counts.unknown_org_unit_changes, 0) as unknown_org_unit_changes,
    coalesce(counts.repeated_approvals, 0) as repeated_approvals,
    coalesce(counts.serial_approvals, 0) as serial_approvals,
    variants.variant_id,
    variants.collapsed_variant_id,
    clocked.data_as_of
from clocked
left join {{ ref('int_process_instance_clocks') }} as clocks
    on clocked.process_code = clocks.process_code
    and clocked.process_instance_id = clocks.process_instance_id
left join {{ ref('int_process_instance_counts') }} as counts
    on clocked.process_code = counts.process_code
    and clocked.process_instance_id = counts.process_instance_id
left join {{ ref('int_process_instance_variants') }} as variants
    on clocked.process_code = variants.process_code
    and clocked.process_instance_id = variants.process_instance_id
