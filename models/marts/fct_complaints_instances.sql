-- Grain: one row per complaint.
with results as (
    select
        subject_id,
        max(case when kpi_code = 'complaints.resolution_hours' then numerator end)
            as resolution_elapsed_seconds,
        max(case when kpi_code = 'complaints.dispatch_minutes' then numerator end)
            as dispatch_working_seconds,
        max(case when kpi_code = 'complaints.repeat_rate_pct' then numerator end) = 1
            as is_followed_by_another,
        max(
            case when kpi_code = 'complaints.handling_error_rate_pct' then numerator end
        ) = 1 as has_handling_error
    from {{ ref('fct_kpi_observations') }}
    where kpi_code like 'complaints.%'
    group by subject_id
)

select
    complaints.process_instance_id as complaint_no,
    complaints.segment_code,
    complaints.category_code,
    complaints.product_code,
    complaints.channel_code,
    complaints.is_cancelled as is_withdrawn,
    complaints.is_duplicate_case,
    complaints.outcome_code,
    complaints.exclusion_reason,
    complaints.started_at as received_at,
    complaints.classified_at,
    complaints.assigned_at,
    complaints.handled_at,
    complaints.qa_error_at,
    complaints.reopened_at,
    complaints.ended_at as resolved_at,
    complaints.withdrawn_at,
    complaints.archived_at,
    complaints.due_at,
    complaints.started_on as received_on,
    complaints.assigned_on,
    complaints.handled_on,
    complaints.ended_on as resolved_on,
    complaints.reassigned_count,
    complaints.reopened_count,
    results.resolution_elapsed_seconds,
    results.dispatch_working_seconds,
    results.is_followed_by_another,
    results.has_handling_error,
    complaints.data_as_of
from {{ ref('int_complaints__instances') }} as complaints
left join results
    on complaints.process_instance_id = results.subject_id
