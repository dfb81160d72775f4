-- Grain: one row per meeting, unit and reason, on the day of the meeting; invitations
-- that count are one row.
with reasoned as (
    select
        invitations.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when invitations.is_cancelled then 'meeting_cancelled'
            when invitations.department_count < 2 then 'single_department'
            when invitations.is_on_leave then 'on_leave'
            when invitations.is_small_unit then 'small_group'
        end as reason
    from {{ ref('int_collaboration__invitations_placed') }} as invitations
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'collaboration.meeting_participation_pct'
    where invitations.held_at < freshness.data_as_of
),

grouped as (
    select
        meeting_id,
        unit_code,
        reason,
        held_on,
        kpi_data_as_of,
        sum(case when has_attended then 1 else 0 end) as attended_count,
        count(*) as invited_count
    from reasoned
    group by meeting_id, unit_code, reason, held_on, kpi_data_as_of
)

select
    'collaboration.meeting_participation_pct' as kpi_code,
    meeting_id || '-' || unit_code || coalesce('-' || reason, '') as subject_id,
    unit_code as segment_code,
    held_on as measured_on,
    case when reason is null then cast(attended_count as bigint) end as numerator,
    case when reason is null then invited_count end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from grouped
