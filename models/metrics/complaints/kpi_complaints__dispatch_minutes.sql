-- Grain: one row per complaint, on the local day of its first assignment; while open,
-- on the last covered day.
with scoped as (
    select
        complaints.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_complaints__instances') }} as complaints
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'complaints.dispatch_minutes'
    where complaints.known_since_at < freshness.data_as_of
),

clocked as (
    select
        scoped.*,
        {{ working_seconds_between(
            'scoped.started_at', 'scoped.assigned_at', 'received_day', 'assigned_day'
        ) }} as dispatch_working_seconds
    from scoped
    {{ join_calendar_day('received_day', "'service'", 'scoped.started_at') }}
    {{ join_calendar_day('assigned_day', "'service'", 'scoped.assigned_at') }}
),

reasoned as (
    select
        *,
        case
            when is_cancelled then 'withdrawn'
            when started_at is null then 'missing_milestone'
            when assigned_at is null and has_passed_assignment
                then 'missing_milestone'
            when assigned_at < started_at then 'reversed_clock'
            when assigned_at is null then 'not_assigned_yet'
            when dispatch_working_seconds is null then 'calendar_incomplete'
        end as reason
    from clocked
)

select
    'complaints.dispatch_minutes' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    case
        when reason = 'not_assigned_yet'
            then {{ last_covered_date('kpi_data_as_of') }}
        else coalesce(assigned_on, in_scope_since_on)
    end as measured_on,
    case
        when reason is null
            then cast(dispatch_working_seconds as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_assigned_yet' then 'open'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
