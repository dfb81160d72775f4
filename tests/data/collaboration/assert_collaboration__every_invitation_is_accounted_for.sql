-- A row here is a meeting and unit whose invitations that count are not the
-- denominator, or that no row of the KPI knows.
with expected as (
    select
        invitations.meeting_id || '-' || invitations.unit_code as group_id,
        sum(
            case
                when invitations.is_cancelled then 0
                when invitations.department_count < 2 then 0
                when invitations.is_on_leave then 0
                when invitations.is_small_unit then 0
                else 1
            end
        ) as counted_invitations
    from {{ ref('int_collaboration__invitations_placed') }} as invitations
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'collaboration.meeting_participation_pct'
    where invitations.held_at < freshness.data_as_of
    group by invitations.meeting_id || '-' || invitations.unit_code
),

actual as (
    select
        case
            when exclusion_reason is null then subject_id
            else replace(subject_id, '-' || exclusion_reason, '')
        end as group_id,
        sum(coalesce(denominator, 0)) as counted_invitations
    from {{ ref('kpi_collaboration__meeting_participation_pct') }}
    group by
        case
            when exclusion_reason is null then subject_id
            else replace(subject_id, '-' || exclusion_reason, '')
        end
)

select
    coalesce(expected.group_id, actual.group_id) as group_id,
    expected.counted_invitations as expected_invitations,
    actual.counted_invitations as actual_invitations
from expected
full outer join actual
    on expected.group_id = actual.group_id
where
    expected.group_id is null
    or actual.group_id is null
    or expected.counted_invitations <> actual.counted_invitations
