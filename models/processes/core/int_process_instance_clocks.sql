-- Grain: one row per process instance with events: its clocks, parts adding up exactly.
with steps as (
    select * from {{ ref('fct_process_steps') }}
    -- Milestones after the end do not prolong the instance.
    where state = 'completed' and not is_after_end
),

sequenced as (
    select * from {{ ref('int_process_steps_sequenced') }}
    where not is_after_end
),

spans as (
    select
        process_code,
        process_instance_id,
        max(until_second) - min(coalesce(started_second, until_second))
            as sojourn_elapsed_seconds,
        max(until_working_second)
        - min(coalesce(started_working_second, until_working_second))
            as sojourn_working_seconds,
        max(calendar_reason) as calendar_reason
    from sequenced
    group by process_code, process_instance_id
),

sums as (
    select
        process_code,
        process_instance_id,
        -- Of one step without a usable clock the union is unknown, not shorter.
        case
            when count(case when exclusion_reason = 'reversed_clock' then 1 end) > 0
                then 'reversed_clock'
            when count(case when exclusion_reason = 'no_start' then 1 end) > 0
                then 'no_start'
        end as processing_reason,
        sum(busy_elapsed_seconds) as busy_elapsed_seconds,
        sum(busy_working_seconds) as busy_working_seconds,
        sum(service_elapsed_seconds) as service_elapsed_seconds,
        sum(service_working_seconds) as service_working_seconds
    from steps
    group by process_code, process_instance_id
),

measured as (
    select
        spans.process_code,
        spans.process_instance_id,
        sums.processing_reason,
        spans.calendar_reason,
        spans.sojourn_elapsed_seconds,
        case
            when spans.calendar_reason is null then spans.sojourn_working_seconds
        end as sojourn_working_seconds,
        case
            when sums.processing_reason is null then sums.busy_elapsed_seconds
        end as processing_elapsed_seconds,
        case
            when sums.processing_reason is null and spans.calendar_reason is null
                then sums.busy_working_seconds
        end as processing_working_seconds,
        case
            when sums.processing_reason is null then sums.service_elapsed_seconds
        end as touch_elapsed_seconds,
        case
            when sums.processing_reason is null and spans.calendar_reason is null
                then sums.service_working_seconds
        end as touch_working_seconds
    from spans
    inner join sums
        on spans.process_code = sums.process_code
        and spans.process_instance_id = sums.process_instance_id
)

select
    process_code,
    process_instance_id,
    processing_reason,
    calendar_reason,
    cast(sojourn_elapsed_seconds as bigint) as sojourn_elapsed_seconds,
    cast(sojourn_working_seconds as bigint) as sojourn_working_seconds,
    cast(processing_elapsed_seconds as bigint) as processing_elapsed_seconds,
    cast(processing_working_seconds as bigint) as processing_working_seconds,
    cast(sojourn_elapsed_seconds - processing_elapsed_seconds as bigint)
        as idle_elapsed_seconds,
    cast(sojourn_working_seconds - processing_working_seconds as bigint)
        as idle_working_seconds,
    cast(touch_elapsed_seconds as bigint) as touch_elapsed_seconds,
    cast(touch_working_seconds as bigint) as touch_working_seconds
from measured
