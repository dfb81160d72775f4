-- Grain: one row per process with an active KPI, and rule.
with kpis as (
    select
        kpis.*,
        kpis.tier = 'core' as is_core,
        figures.core_min,
        figures.core_max,
        -- Ready, and its data of grade C at least.
        coalesce(readiness.is_ready and readiness.reliability_grade <> 'D', false)
            as is_reliable
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_defaults') }} as figures
        on kpis.kpi_code = figures.kpi_code
    left join {{ ref('fct_kpi_readiness') }} as readiness
        on kpis.kpi_code = readiness.kpi_code
    where kpis.status = 'active' and kpis.is_in_force and kpis.process_code is not null
),

countered as (
    -- Core KPIs that could be bought with something that no core KPI watches.
    select
        kpis.kpi_code,
        kpis.process_code,
        -- A counter metric of the whole company has no process.
        max(
            case
                when counters.tier = 'core' then 1
                when counters.kpi_code is not null and counters.process_code is null
                    then 1
            end
        ) as is_watched
    from kpis
    left join {{ ref('stg_registers__kpi_counters') }} as pairs
        on kpis.kpi_code = pairs.kpi_code
        and pairs.valid_from <= {{ as_of_date() }}
        and (pairs.valid_to is null or pairs.valid_to > {{ as_of_date() }})
    left join {{ ref('dim_kpis') }} as counters
        on pairs.counter_kpi_code = counters.kpi_code
        and counters.status = 'active'
    where kpis.is_core and kpis.family in ('speed', 'cost', 'volume')
    group by kpis.kpi_code, kpis.process_code
),

unwatched as (
    select
        process_code,
        string_agg(kpi_code, ', ' order by kpi_code) as names
    from countered
    where is_watched is null
    group by process_code
),

hard_steps as (
    select
        process_code,
        string_agg(activity_code, ', ' order by activity_code) as names
    from {{ ref('dim_process_steps') }}
    where is_hard_to_quantify and not is_retired
    group by process_code
),

processes as (
    select
        process_code,
        min(valid_from) as since,
        max(core_min) as core_min,
        max(core_max) as core_max,
        count(case when is_core then 1 end) as core_kpis,
        count(case when is_core and kind = 'outcome' then 1 end) as core_outcomes,
        count(case when kind = 'behaviour' then 1 end) as behaviours,
        count(case when kind = 'outcome' then 1 end) as outcomes,
        string_agg(
            case when is_core and not is_reliable then kpi_code end,
            ', ' order by kpi_code
        ) as unreliable_core
    from kpis
    group by process_code
)

select
    process_code,
    'K-1' as rule_id,
    core_kpis between core_min and core_max as is_kept,
    since,
    core_kpis as found,
    cast(null as varchar) as names
from processes
union all
select
    process_code,
    'K-2' as rule_id,
    core_outcomes >= 1 as is_kept,
    since,
    core_outcomes as found,
    null as names
from processes
union all
select
    processes.process_code,
    'K-3' as rule_id,
    unwatched.names is null as is_kept,
    processes.since,
    null as found,
    unwatched.names
from processes
left join unwatched on processes.process_code = unwatched.process_code
union all
select
    process_code,
    'K-4' as rule_id,
    unreliable_core is null as is_kept,
    since,
    null as found,
    unreliable_core as names
from processes
union all
select
    processes.process_code,
    'B-1' as rule_id,
    processes.behaviours >= 1 and processes.outcomes >= 1 as is_kept,
    processes.since,
    processes.behaviours + processes.outcomes as found,
    hard_steps.names
from processes
inner join hard_steps on processes.process_code = hard_steps.process_code
