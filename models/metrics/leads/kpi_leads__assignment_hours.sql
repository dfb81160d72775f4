-- Grain: one row per lead, on the local day of its first assignment; while open, on the
-- last covered day.
with scoped as (
    select
        leads.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_leads__instances') }} as leads
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'leads.assignment_hours'
    where leads.known_since_at < freshness.data_as_of
),

clocked as (
    select
        scoped.*,
        {{ working_seconds_between(
            'scoped.created_at', 'scoped.assigned_at', 'created_day', 'assigned_day'
        ) }} as assignment_working_seconds
    from scoped
    {{ join_calendar_day('created_day', "'office'", 'scoped.created_at') }}
    {{ join_calendar_day('assigned_day', "'office'", 'scoped.assigned_at') }}
),

reasoned as (
    select
        *,
        case
            when is_test then 'test_record'
            when is_duplicate then 'duplicate_lead'
            when created_at is null then 'missing_milestone'
            when
                assigned_at is null
                and (
                    quoted_at is not null
                    or closed_at is not null
                    or first_contact_at is not null
                )
                then 'missing_milestone'
            when assigned_at < created_at then 'reversed_clock'
            when assigned_at is null then 'not_assigned_yet'
            when assignment_working_seconds is null then 'calendar_incomplete'
        end as reason
    from clocked
)

select
    'leads.assignment_hours' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    case
        when reason = 'not_assigned_yet'
            then {{ last_covered_date('kpi_data_as_of') }}
        else coalesce(assigned_on, created_on, known_since_on)
    end as measured_on,
    case
        when reason is null
            then cast(assignment_working_seconds as bigint)
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
