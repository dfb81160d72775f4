-- Grain: one row per KPI with a benchmark that may move a target.
select
    kpis.kpi_code,
    -- Of several usable figures the most demanding.
    case kpis.direction
        when 'higher' then max(benchmarks.value)
        else min(benchmarks.value)
    end as benchmark
from {{ ref('stg_registers__kpi_benchmarks') }} as benchmarks
inner join {{ ref('dim_kpis') }} as kpis
    on benchmarks.kpi_code = kpis.kpi_code
    and benchmarks.unit = kpis.unit
    and coalesce(benchmarks.clock, kpis.clock, '-') = coalesce(kpis.clock, '-')
where
    benchmarks.definition_match in ('exact', 'close')
    and benchmarks.statistic in ('mean', 'median', 'bottom_bound')
    and kpis.direction in ('higher', 'lower')
group by kpis.kpi_code, kpis.direction
