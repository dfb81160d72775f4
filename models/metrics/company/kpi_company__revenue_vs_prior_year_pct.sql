-- Grain: one row per month and channel, on the last day of the month.
with reasoned as (
    select
        revenues.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            -- What sister companies buy is no revenue of the group.
            when revenues.is_intercompany then 'intercompany'
        end as reason
    from {{ ref('int_company__revenues_booked') }} as revenues
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'company.revenue_vs_prior_year_pct'
    where revenues.month_end_on < {{ local_date('freshness.data_as_of') }}
)

select
    'company.revenue_vs_prior_year_pct' as kpi_code,
    revenue_id as subject_id,
    channel_code as segment_code,
    month_end_on as measured_on,
    case when reason is null then cast(revenue_cents as bigint) end as numerator,
    case
        when reason is null
            then cast(prior_year_revenue_cents as bigint)
    end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
