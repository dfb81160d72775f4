-- Grain: one row per month, active KPI with a goal, and the verdict that counts in it.
with months as (
    select distinct
        period_start as month_start,
        period_end as month_end
    from {{ ref('fct_kpi_values') }}
    where period_grain = 'month' and period_end <= {{ as_of_date() }}
),

kpis as (
    -- The row of the register in force on the first day of the month.
    select
        months.month_start,
        months.month_end,
        register.kpi_code,
        register.objective_code,
        register.weight
    from months
    inner join {{ ref('stg_registers__kpis') }} as register
        on months.month_start >= register.valid_from
        and (register.valid_to is null or months.month_start < register.valid_to)
    where register.status = 'active' and register.objective_code is not null
),

verdicts as (
    select
        kpis.*,
        statuses.period_start,
        statuses.status,
        statuses.is_final,
        case when statuses.reliability_grade <> 'D' then statuses.attainment end
            as attainment,
        row_number() over (
            partition by kpis.month_start, kpis.kpi_code
            -- The last official period that was over with the month.
            order by statuses.period_start desc
        ) as recency
    from kpis
    left join {{ ref('fct_kpi_status') }} as statuses
        on kpis.kpi_code = statuses.kpi_code
        and statuses.segment_code = 'all'
        and kpis.month_end >= statuses.period_end
        -- A quarter speaks for the months after it, until the next one is over.
        and statuses.period_end - statuses.period_start
        > kpis.month_end - statuses.period_end
)

select
    month_start,
    kpi_code,
    objective_code,
    weight,
    period_start,
    status,
    coalesce(is_final, false) as is_final,
    attainment
from verdicts
where recency = 1
