-- Grain: one row per lead and local day on which a contact was due or made; beside it
-- one row per lead and day with automatic mail.
with scoped as (
    select
        leads.process_instance_id,
        leads.segment_code,
        leads.is_test,
        leads.assigned_at,
        leads.closed_at,
        lead_days.local_date,
        lead_days.lead_day_count,
        lead_days.contact_count,
        lead_days.automatic_count,
        lead_days.is_calendar_missing,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_leads__lead_days') }} as lead_days
    inner join {{ ref('int_leads__instances') }} as leads
        on lead_days.process_instance_id = leads.process_instance_id
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'leads.followups_per_week'
    where lead_days.local_date <= {{ last_covered_date('freshness.data_as_of') }}
),

reasoned as (
    select
        *,
        process_instance_id || '-' || cast(local_date as string) as subject_id,
        case
            when is_test then 'test_record'
            when assigned_at is null then 'missing_milestone'
            when closed_at < assigned_at then 'reversed_clock'
            when is_calendar_missing then 'calendar_incomplete'
        end as reason
    from scoped
    where lead_day_count + contact_count > 0
    union all
    select
        *,
        process_instance_id || '-' || cast(local_date as string) || '-automatic'
            as subject_id,
        case when is_test then 'test_record' else 'automatic' end as reason
    from scoped
    where automatic_count > 0
)

select
    'leads.followups_per_week' as kpi_code,
    subject_id,
    segment_code,
    local_date as measured_on,
    case when reason is null then contact_count end as numerator,
    -- A contact on a day off, or after the lead was closed, is work without a lead-day.
    case when reason is null then lead_day_count end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
