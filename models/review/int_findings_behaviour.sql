-- Grain: one row per behaviour KPI that rose while no outcome of its process moved.
with processes as (
    select distinct process_code
    from {{ ref('dim_process_steps') }}
    where is_hard_to_quantify and not is_retired
),

finals as (
    select
        status.kpi_code,
        status.process_code,
        status.period_start,
        status.value,
        status.sigma,
        kpis.kind,
        kpis.unit,
        kpis.owner_code,
        figures.effect_periods,
        case kpis.direction when 'higher' then 1 else -1 end as goodness,
        row_number() over (
            partition by status.kpi_code
            order by status.period_start desc
        ) as recency
    from {{ ref('fct_kpi_status') }} as status
    inner join {{ ref('dim_kpis') }} as kpis
        on status.kpi_code = kpis.kpi_code
    inner join {{ ref('int_kpi_defaults') }} as figures
        on status.kpi_code = figures.kpi_code
    inner join processes
        on status.process_code = processes.process_code
    where
        status.segment_code = 'all'
        and status.is_final
        and kpis.status = 'active'
        and kpis.direction in ('higher', 'lower')
),

behaviours as (
    -- Means of as many periods as the outcome is given, against those before.
    select
        kpi_code,
        process_code,
        max(period_start) as last_on,
        max(case when recency = 1 then sigma end) as sigma,
        avg(case when recency <= effect_periods then value end) as value_now,
        avg(case when recency > effect_periods then value end) as value_before,
        max(goodness) as goodness,
        max(unit) as unit
    from finals
    where kind = 'behaviour' and recency <= 2 * effect_periods
    group by kpi_code, process_code
    having count(*) = 2 * max(effect_periods)
),

outcomes as (
    select
        kpi_code,
        process_code,
        max(case when recency < effect_periods then goodness * value end)
        - max(case when recency = effect_periods then goodness * value end)
        < coalesce(max(case when recency = 1 then sigma end), 0) as is_flat
    from finals
    where kind = 'outcome' and recency <= effect_periods
    group by kpi_code, process_code
    having count(*) = max(effect_periods)
),

flat as (
    select
        process_code,
        string_agg(kpi_code, ', ' order by kpi_code) as names
    from outcomes
    group by process_code
    having bool_and(is_flat)
)

select
    'B-2' as rule_id,
    'W' as severity,
    'without_effect' as verdict,
    behaviours.kpi_code,
    cast(null as varchar) as counter_kpi_code,
    cast(null as varchar) as objective_code,
    behaviours.process_code,
    'all' as segment_code,
    {{ period_start('quarter', 'behaviours.last_on') }} as period_start,
    'behaviour_without_effect' as message_id,
    cast(
        json_object(
            'kpi', behaviours.kpi_code,
            'unit', behaviours.unit,
            'before', round(behaviours.value_before, 4),
            'now', round(behaviours.value_now, 4),
            'sigma', round(behaviours.sigma, 4),
            'outcomes', flat.names
        ) as varchar
    ) as evidence,
    round(behaviours.value_now, 9) as current_value,
    cast(null as double) as proposed_value,
    cast(null as varchar) as proposed_change,
    cast(null as varchar) as owner_code
from behaviours
inner join flat
    on behaviours.process_code = flat.process_code
where
    behaviours.goodness * (behaviours.value_now - behaviours.value_before)
    >= behaviours.sigma
