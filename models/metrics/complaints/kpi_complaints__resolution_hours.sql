-- Grain: one row per complaint, on the local day the customer accepted; while open, on
-- the last covered day.
with scoped as (
    select
        complaints.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_complaints__instances') }} as complaints
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'complaints.resolution_hours'
    where complaints.known_since_at < freshness.data_as_of
),

reasoned as (
    select
        *,
        {{ elapsed_seconds('started_at', 'ended_at') }} as resolution_elapsed_seconds,
        case
            -- Counting it would reward customers giving up.
            when is_cancelled then 'withdrawn'
            when is_duplicate_case then 'duplicate_case'
            when started_at is null or is_acceptance_lost then 'missing_milestone'
            when ended_at < started_at then 'reversed_clock'
            when ended_at is null then 'not_accepted_yet'
        end as reason
    from scoped
)

select
    'complaints.resolution_hours' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    case
        when reason = 'not_accepted_yet'
            then {{ last_covered_date('kpi_data_as_of') }}
        else coalesce(ended_on, in_scope_since_on)
    end as measured_on,
    case
        when reason is null
            then cast(resolution_elapsed_seconds as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_accepted_yet' then 'open'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
