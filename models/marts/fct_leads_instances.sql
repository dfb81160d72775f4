-- Grain: one row per lead that leads or followups mention.
with results as (
    select
        subject_id,
        max(case when kpi_code = 'leads.assignment_hours' then numerator end)
            as assignment_working_seconds,
        max(case when kpi_code = 'leads.conversion_pct' then numerator end) = 1
            as is_won_in_time
    from {{ ref('fct_kpi_observations') }}
    where kpi_code in ('leads.assignment_hours', 'leads.conversion_pct')
    group by subject_id
),

days as (
    select
        process_instance_id,
        cast(sum(lead_day_count) as bigint) as lead_day_count
    from {{ ref('int_leads__lead_days') }}
    group by process_instance_id
)

select
    leads.process_instance_id as lead_id,
    leads.segment_code,
    leads.stage_code,
    leads.is_test,
    leads.is_duplicate,
    leads.outcome_code,
    leads.lost_reason_code,
    leads.exclusion_reason,
    leads.created_at,
    leads.assigned_at,
    leads.quoted_at,
    leads.won_at,
    leads.lost_at,
    leads.first_contact_at,
    leads.last_contact_at,
    leads.created_on,
    leads.closed_on,
    leads.contact_count,
    coalesce(days.lead_day_count, 0) as lead_day_count,
    results.assignment_working_seconds,
    results.is_won_in_time,
    leads.data_as_of
from {{ ref('int_leads__instances') }} as leads
left join results
    on leads.process_instance_id = results.subject_id
left join days
    on leads.process_instance_id = days.process_instance_id
