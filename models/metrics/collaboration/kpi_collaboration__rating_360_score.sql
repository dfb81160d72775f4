-- Grain: one row per unit, cycle and reason, on the last day of the cycle; people who
-- count are one row.
with figures as (
    select
        max(case when name = 'rating_min' then try_cast(value as bigint) end)
            as rating_min,
        max(case when name = 'rating_team_min' then try_cast(value as bigint) end)
            as rating_team_min
    from {{ ref('stg_registers__defaults') }}
    where scope_code = 'all'
),

weighed as (
    select
        people.*,
        figures.rating_team_min,
        freshness.data_as_of as kpi_data_as_of,
        -- So few colleagues or reports could be told apart.
        case when people.manager_rater_count >= 1 then 4 else 0 end as manager_weight,
        case when people.peer_rater_count >= figures.rating_min then 3 else 0 end
            as peer_weight,
        case when people.report_rater_count >= figures.rating_min then 3 else 0 end
            as report_weight
    from {{ ref('int_collaboration__people_rated') }} as people
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'collaboration.rating_360_score'
    cross join figures
    where people.cycle_to_on < {{ local_date('freshness.data_as_of') }}
),

scored as (
    select
        *,
        manager_weight + peer_weight + report_weight > 0 as has_raters,
        -- Hundredths of a point, rounded half up; the last summand is the noise of
        -- floating point, far below any difference between two ratings.
        floor(
            100.0 * (
                manager_weight * coalesce(manager_rating, 0)
                + peer_weight * coalesce(peer_rating, 0)
                + report_weight * coalesce(report_rating, 0)
            ) / nullif(manager_weight + peer_weight + report_weight, 0)
            + 0.5
            + 1e-9
        ) as rating_hundredths
    from weighed
),

reasoned as (
    select
        *,
        case
            when not has_raters then 'too_few_raters'
            when
                sum(case when has_raters then 1 else 0 end) over (
                    partition by cycle_code, unit_code
                ) < rating_team_min
                then 'small_group'
        end as reason
    from scored
)

select
    'collaboration.rating_360_score' as kpi_code,
    unit_code || '-' || cycle_code || coalesce('-' || reason, '') as subject_id,
    unit_code as segment_code,
    cycle_to_on as measured_on,
    case when reason is null then cast(sum(rating_hundredths) as bigint) end
        as numerator,
    case when reason is null then count(*) end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
group by unit_code, cycle_code, cycle_to_on, reason, kpi_data_as_of
