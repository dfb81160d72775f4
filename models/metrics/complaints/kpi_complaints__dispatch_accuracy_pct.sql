-- Grain: one row per assignment of a complaint, on its local day.
with scoped as (
    select
        assignments.*,
        complaints.segment_code,
        complaints.is_cancelled,
        complaints.ended_at is not null as is_resolved,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_complaints__assignments_made') }} as assignments
    inner join {{ ref('int_complaints__instances') }} as complaints
        on assignments.complaint_no = complaints.process_instance_id
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'complaints.dispatch_accuracy_pct'
    where assignments.assigned_at < freshness.data_as_of
),

reasoned as (
    select
        *,
        case
            when is_cancelled then 'withdrawn'
            -- Until then the complaint may still turn out to be with the wrong one.
            when
                coalesce(next_event_code, '') <> 'reassigned'
                and not is_resolved
                then 'not_resolved_yet'
        end as reason
    from scoped
)

select
    'complaints.dispatch_accuracy_pct' as kpi_code,
    event_id as subject_id,
    segment_code,
    assigned_on as measured_on,
    case
        when reason is not null then cast(null as bigint)
        -- Sharing out work is no error.
        when
            next_event_code = 'reassigned'
            and next_reason_code in ('wrong_department', 'wrong_handler')
            then cast(0 as bigint)
        else cast(1 as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_resolved_yet' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
