-- Grain: one row per complaint, on the local day it was first handled; while open, on
-- the last covered day.
with scoped as (
    select
        complaints.*,
        -- Quality assurance looks back 14 days; what it finds later counts no more.
        coalesce(
            {{ elapsed_seconds('complaints.handled_at', 'complaints.qa_error_at') }}
            <= 14 * 86400,
            false
        ) as has_handling_error,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_complaints__instances') }} as complaints
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'complaints.handling_error_rate_pct'
    where complaints.known_since_at < freshness.data_as_of
),

reasoned as (
    select
        *,
        case
            when is_cancelled then 'withdrawn'
            when handled_at is null and has_passed_handling
                then 'missing_milestone'
            when handled_at is null then 'not_handled_yet'
        end as reason
    from scoped
)

select
    'complaints.handling_error_rate_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    case
        when reason = 'not_handled_yet'
            then {{ last_covered_date('kpi_data_as_of') }}
        else coalesce(handled_on, in_scope_since_on)
    end as measured_on,
    case
        when reason is null
            then cast(case when has_handling_error then 1 else 0 end as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_handled_yet' then 'open'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
