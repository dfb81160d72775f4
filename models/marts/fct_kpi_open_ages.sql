-- Grain: one row per KPI and open subject whose clock is running.
with kpis as (
    select
        kpis.kpi_code,
        kpis.process_code,
        kpis.from_activity_code,
        kpis.clock,
        kpis.scale,
        processes.calendar_code
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('dim_processes') }} as processes
        on kpis.process_code = processes.process_code
    where kpis.measure_type = 'duration'
),

first_events as (
    select
        process_code,
        process_instance_id,
        activity_code,
        min(occurred_at) as occurred_at
    from {{ ref('int_process_events') }}
    group by process_code, process_instance_id, activity_code
),

running as (
    select
        observations.kpi_code,
        observations.subject_id,
        observations.segment_code,
        kpis.process_code,
        kpis.clock,
        kpis.scale,
        kpis.calendar_code,
        first_events.occurred_at as running_since_at,
        observations.measured_on,
        observations.data_as_of
    from {{ ref('fct_kpi_observations') }} as observations
    inner join kpis
        on observations.kpi_code = kpis.kpi_code
    inner join first_events
        on observations.subject_id = first_events.process_instance_id
        and kpis.process_code = first_events.process_code
        and kpis.from_activity_code = first_events.activity_code
    where observations.state = 'open'
),

clocked as (
    select
        running.*,
        {{ elapsed_seconds('running.running_since_at', 'running.data_as_of') }}
            as age_elapsed_seconds,
        {{ working_seconds_between(
            'running.running_since_at', 'running.data_as_of', 'since_day', 'as_of_day'
        ) }} as age_working_seconds
    from running
    {{ join_calendar_day(
        'since_day', 'running.calendar_code', 'running.running_since_at'
    ) }}
    {{ join_calendar_day('as_of_day', 'running.calendar_code', 'running.data_as_of') }}
)

select
    clocked.kpi_code,
    clocked.subject_id,
    clocked.segment_code,
    clocked.process_code,
    clocked.running_since_at,
    clocked.clock,
    cast(
        case clocked.clock
            when 'working' then clocked.age_working_seconds
            else clocked.age_elapsed_seconds
        end as bigint
    ) as age_seconds,
    -- The register holds the limit in the unit shown.
    cast(round(targets.case_limit / clocked.scale) as bigint) as case_limit_seconds,
    clocked.data_as_of
from clocked
left join {{ ref('dim_kpi_targets') }} as targets
    on clocked.kpi_code = targets.kpi_code
    and targets.segment_code = 'all'
    and clocked.measured_on >= targets.valid_from
    and (targets.valid_to is null or clocked.measured_on < targets.valid_to)
