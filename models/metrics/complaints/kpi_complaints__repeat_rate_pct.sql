-- Grain: one row per resolved complaint, on the local day the customer accepted.
with scoped as (
    select
        complaints.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_complaints__instances') }} as complaints
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'complaints.repeat_rate_pct'
    where
        complaints.known_since_at < freshness.data_as_of
        and complaints.ended_at is not null
),

followed as (
    select distinct scoped.process_instance_id
    from scoped
    inner join {{ ref('int_complaints__instances') }} as later
        on scoped.requester_id = later.requester_id
        and scoped.product_code = later.product_code
        and scoped.category_code = later.category_code
        and scoped.ended_at < later.started_at
        and scoped.process_instance_id <> later.process_instance_id
    where
        -- The same contact entered twice is not a second complaint.
        not later.is_duplicate_case
        and {{ elapsed_seconds('scoped.ended_at', 'later.started_at') }} <= 30 * 86400
),

reasoned as (
    select
        scoped.*,
        followed.process_instance_id is not null as is_followed,
        case
            when scoped.is_cancelled then 'withdrawn'
            when scoped.requester_id is null then 'unknown_customer'
            -- Also if a repeat is known already: early ones would bias the rate.
            when
                {{ elapsed_seconds('scoped.ended_at', 'scoped.kpi_data_as_of') }}
                < 30 * 86400
                then 'window_running'
        end as reason
    from scoped
    left join followed
        on scoped.process_instance_id = followed.process_instance_id
)

select
    'complaints.repeat_rate_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    ended_on as measured_on,
    case
        when reason is null
            then cast(case when is_followed then 1 else 0 end as bigint)
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
