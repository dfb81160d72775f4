-- Grain: one row per target that is set as a change against a baseline.
select
    targets.kpi_code,
    targets.segment_code,
    targets.valid_from,
    max(kpis.scale)
    * cast(sum(daily.numerator) as double)
    / nullif(cast(sum(daily.denominator) as double), 0) as baseline
from {{ ref('stg_registers__kpi_targets') }} as targets
inner join {{ ref('dim_kpis') }} as kpis
    on targets.kpi_code = kpis.kpi_code
inner join {{ ref('fct_kpi_daily') }} as daily
    on targets.kpi_code = daily.kpi_code
    and targets.segment_code in ('all', daily.segment_code)
    and targets.baseline_from <= daily.measured_on
    and targets.baseline_to > daily.measured_on
where targets.change_type in ('relative', 'points')
group by targets.kpi_code, targets.segment_code, targets.valid_from
