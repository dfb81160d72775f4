-- Grain: one row per unit, month and reason, on the last day of the month; people who
-- count are one row.
with reasoned as (
    select
        people.*,
        {{ add_days(period_end('month', 'people.month_on'), -1) }} as month_to_on,
        freshness.data_as_of as kpi_data_as_of,
        case
            when people.is_on_leave_all_month then 'on_leave'
            when people.is_small_unit then 'small_group'
        end as reason
    from {{ ref('int_collaboration__people_placed') }} as people
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'collaboration.suggestions_per_head'
    -- A month that is not over would have all its people and some of its ideas.
    where
        {{ period_end('month', 'people.month_on') }}
        <= {{ local_date('freshness.data_as_of') }}
),

grouped as (
    select
        unit_code,
        month_on,
        month_to_on,
        reason,
        kpi_data_as_of,
        sum(idea_count) as idea_count,
        sum(case when is_in_post then 1 else 0 end) as person_count
    from reasoned
    group by unit_code, month_on, month_to_on, reason, kpi_data_as_of
)

select
    'collaboration.suggestions_per_head' as kpi_code,
    unit_code || '-' || cast(month_on as string) || coalesce('-' || reason, '')
        as subject_id,
    unit_code as segment_code,
    month_to_on as measured_on,
    case when reason is null then cast(idea_count as bigint) end as numerator,
    case when reason is null then cast(person_count as bigint) end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from grouped
