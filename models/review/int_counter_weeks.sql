-- Grain: one row per declared pair in force and common final week, the newest only.
with weeks as (
    select
        reported.kpi_code,
        reported.period_start,
        reported.value,
        case kpis.direction when 'higher' then 1 when 'lower' then -1 end as goodness
    from {{ ref('fct_kpi_values') }} as reported
    inner join {{ ref('dim_kpis') }} as kpis
        on reported.kpi_code = kpis.kpi_code
    where
        reported.period_grain = 'week'
        and reported.segment_code = 'all'
        and reported.state = 'final'
        and reported.value is not null
        and kpis.direction in ('higher', 'lower')
        and kpis.status = 'active'
),

paired as (
    select
        pairs.kpi_code,
        pairs.counter_kpi_code,
        kpi_weeks.period_start,
        kpi_weeks.goodness as kpi_goodness,
        kpi_weeks.value as kpi_value,
        counter_weeks.goodness as counter_goodness,
        counter_weeks.value as counter_value,
        row_number() over (
            partition by pairs.kpi_code, pairs.counter_kpi_code
            order by kpi_weeks.period_start desc
        ) as recency
    from {{ ref('stg_registers__kpi_counters') }} as pairs
    inner join weeks as kpi_weeks
        on pairs.kpi_code = kpi_weeks.kpi_code
    inner join weeks as counter_weeks
        on pairs.counter_kpi_code = counter_weeks.kpi_code
        and kpi_weeks.period_start = counter_weeks.period_start
    where
        pairs.valid_from <= {{ as_of_date() }}
        and (pairs.valid_to is null or pairs.valid_to > {{ as_of_date() }})
)

select
    paired.kpi_code,
    paired.counter_kpi_code,
    paired.period_start,
    paired.kpi_goodness,
    paired.kpi_value,
    paired.counter_goodness,
    paired.counter_value
from paired
inner join {{ ref('int_kpi_defaults') }} as figures
    on paired.kpi_code = figures.kpi_code
where paired.recency <= figures.conflict_weeks_max
