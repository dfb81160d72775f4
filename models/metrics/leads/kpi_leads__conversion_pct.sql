-- Grain: one row per lead, on the local day of its creation.
with scoped as (
    select
        leads.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_leads__instances') }} as leads
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'leads.conversion_pct'
    where leads.known_since_at < freshness.data_as_of
),

reasoned as (
    select
        *,
        coalesce({{ elapsed_seconds('created_at', 'won_at') }} <= 60 * 86400, false)
            as is_won_in_time,
        case
            when is_test then 'test_record'
            when is_duplicate then 'duplicate_lead'
            when created_at is null then 'missing_milestone'
            when won_at < created_at then 'reversed_clock'
            -- A win known early waits too: early hits would flatter young cohorts.
            when kpi_data_as_of < {{ add_seconds('created_at', 60 * 86400) }}
                then 'window_running'
        end as reason
    from scoped
)

select
    'leads.conversion_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    coalesce(created_on, known_since_on) as measured_on,
    case
        when reason is null
            then cast(case when is_won_in_time then 1 else 0 end as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'window_running' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
