-- Grain: one row per year-to-date KPI, year and month of the year.
with kpis as (
    select kpi_code
    from {{ ref('dim_kpis') }}
    where period = 'ytd'
),

months as (
    -- Parts of a month: what came, and what came in the same month a year before.
    select
        reported.kpi_code,
        reported.period_start as month_start,
        reported.numerator as actual,
        reported.denominator as earlier
    from {{ ref('fct_kpi_values') }} as reported
    inner join kpis
        on reported.kpi_code = kpis.kpi_code
    where
        reported.period_grain = 'month'
        and reported.segment_code = 'all'
        and reported.denominator is not null
        and reported.period_end <= {{ local_date('reported.data_as_of') }}
),

coming as (
    -- A month still to come has its own of this year as its yardstick next year.
    select
        kpi_code,
        cast(month_start + interval 1 year as date) as month_start,
        cast(null as bigint) as actual,
        actual as earlier
    from months
),

years as (
    select * from months
    union all
    select coming.*
    from coming
    where
        exists (
            select 1
            from months
            where
                coming.kpi_code = months.kpi_code
                and extract(year from coming.month_start)
                = extract(year from months.month_start)
        )
        and not exists (
            select 1
            from months
            where
                coming.kpi_code = months.kpi_code
                and coming.month_start = months.month_start
        )
),

goals as (
    select
        years.*,
        extract(year from years.month_start) as goal_year,
        coalesce(targets.target_min, targets.target_max) / kpis.scale as factor
    from years
    inner join {{ ref('dim_kpis') }} as kpis
        on years.kpi_code = kpis.kpi_code
    left join {{ ref('dim_kpi_targets') }} as targets
        on years.kpi_code = targets.kpi_code
        and targets.segment_code = 'all'
        and years.month_start >= targets.valid_from
        and (targets.valid_to is null or years.month_start < targets.valid_to)
),

summed as (
    select
        *,
        sum(actual) over to_date as actual_to_date,
        sum(case when actual is not null then earlier end) over to_date
            as earlier_to_date,
        sum(earlier) over whole_year - sum(earlier) over to_date as earlier_rest,
        sum(factor * earlier) over to_date as path_to_date,
        sum(factor * earlier) over whole_year as goal
    from goals
    window
        to_date as (partition by kpi_code, goal_year order by month_start),
        whole_year as (partition by kpi_code, goal_year)
)

select
    kpi_code,
    cast(goal_year as integer) as goal_year,
    month_start,
    actual,
    earlier,
    case when actual is not null then cast(actual_to_date as bigint) end
        as actual_to_date,
    round(path_to_date, 2) as path_to_date,
    round(goal, 2) as goal,
    case
        when actual is not null
            then round(actual_to_date / nullif(earlier_to_date, 0) - 1, 6)
    end as growth_to_date,
    case
        when actual is not null
            then round((goal - actual_to_date) / nullif(earlier_rest, 0) - 1, 6)
    end as growth_needed,
    case
        when actual is not null
            then round(
                actual_to_date
                + earlier_rest * actual_to_date / nullif(earlier_to_date, 0),
                2
            )
    end as landing
from summed
