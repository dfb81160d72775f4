-- Grain: one row per KPI that is not retired.
{% set figures = [
    'smart_periods',
    'smart_measurable_share',
    'smart_complete_warn',
    'smart_complete_fail',
    'smart_events',
    'smart_ranges',
    'smart_weight',
    'smart_siblings',
    'smart_driver_green',
    'smart_outcome_red',
    'smart_goal_months',
    'smart_control',
] %}
{% set words = ['quantity_words', 'vague_verbs', 'vague_adjectives'] %}

with recursive figures as (
    select
        {% for figure in figures %}
        max(case when name = '{{ figure }}' then try_cast(value as double) end)
            as {{ figure }},
        {% endfor %}
    {% for word in words %}
    max(case when name = '{{ word }}' then '(' || lower(value) || ')' end)
        as {{ word }}{{ ',' if not loop.last }}
    {% endfor %}
    from {{ ref('stg_registers__defaults') }}
    where scope_code = 'all'
),

kpis as (
    select kpis.*
    from {{ ref('dim_kpis') }} as kpis
    where kpis.status <> 'retired'
),

periods as (
    -- Official periods that were over, the newest first.
    select
        *,
        row_number() over (
            partition by kpi_code order by period_start desc
        ) as recency
    from {{ ref('fct_kpi_status') }}
    where segment_code = 'all' and period_end <= {{ as_of_date() }}
),

measured as (
    select
        periods.kpi_code,
        count(*) as periods,
        count(periods.value) as measurable_periods,
        median(periods.n) as median_n,
        max(periods.n_min) as n_min,
        max(case when periods.recency = 1 and periods.is_stale then 1 else 0 end) = 1
            as is_stale,
        max(case when periods.recency = 1 then periods.data_as_of end) as data_as_of,
        max(case when periods.recency = 1 then periods.reliability_grade end) as grade,
        max(case when periods.recency = 1 then periods.period_end end) as newest_end,
        max(case when periods.recency = 1 then periods.n end) as newest_n,
        -- The rarer of both outcomes in the newest final period.
        arg_max(
            least(periods.numerator, periods.denominator - periods.numerator),
            periods.period_start
        ) filter (where periods.is_final) as rarer_outcomes
    from periods
    cross join figures
    where periods.recency <= figures.smart_periods
    group by periods.kpi_code
),

completeness as (
    -- Subjects that the KPI would count if their data were there.
    select
        kpi_code,
        1 - sum(
            case
                when exclusion_reason in (
                    'missing_milestone',
                    'reversed_clock',
                    'unknown_customer',
                    'no_standard_price',
                    'not_measured'
                ) then subject_count
                else 0
            end
        ) / sum(subject_count) as complete_share
    from {{ ref('fct_kpi_daily') }}
    where state = 'counted' or state = 'excluded'
    group by kpi_code
),

signals as (
    select
        kpi_code,
        arg_max(moving_ranges, period_start) as moving_ranges
    from {{ ref('int_kpi_signals') }}
    where segment_code = 'all'
    group by kpi_code
),

targets as (
    select *
    from {{ ref('dim_kpi_targets') }}
    where phase = 'in_force' and segment_code = 'all'
),

counted_counters as (
    select
        counters.kpi_code,
        count(*) as counters
    from {{ ref('stg_registers__kpi_counters') }} as counters
    inner join kpis
        on counters.counter_kpi_code = kpis.kpi_code
        and kpis.status = 'active'
    where
        counters.valid_from <= {{ as_of_date() }}
        and (counters.valid_to is null or counters.valid_to > {{ as_of_date() }})
    group by counters.kpi_code
),

twins as (
    select
        kpis.kpi_code,
        min(
            case
                when kpis.kpi_code = alike.kpi_code then alike.other_kpi_code
                else alike.kpi_code
            end
        ) as twin_code
    from kpis
    inner join {{ ref('int_kpi_redundancy') }} as alike
        on kpis.kpi_code in (alike.kpi_code, alike.other_kpi_code)
    where alike.is_equal and alike.periods >= 3
    group by kpis.kpi_code
),

goals as (
    select *
    from {{ ref('stg_registers__objectives') }}
    where
        valid_from <= {{ as_of_date() }}
        and (valid_to is null or valid_to > {{ as_of_date() }})
),

paths as (
    select
        goal.objective_code,
        goal.level = 'strategy'
        or coalesce(parents.level = 'strategy', false)
        or coalesce(grandparents.level = 'strategy', false) as reaches_strategy
    from goals as goal
    left join goals as parents
        on goal.parent_code = parents.objective_code
    left join goals as grandparents
        on parents.parent_code = grandparents.objective_code
),

weights as (
    select
        kpi_code,
        weight
        / nullif(sum(weight) over (partition by objective_code), 0) as goal_share,
        count(*) over (partition by objective_code) as siblings
    from kpis
    where status = 'active' and objective_code is not null
),

recent_scores as (
    select
        *,
        row_number() over (
            partition by objective_code order by month_start desc
        ) as recency
    from {{ ref('fct_objective_scores') }}
),

red_outcomes as (
    -- Drivers green, outcome red, in each of the last months.
    select
        recent.outcome_kpi_code as kpi_code,
        count(*) >= max(figures.smart_goal_months) as is_red
    from recent_scores as recent
    cross join figures
    where
        recent.recency <= figures.smart_goal_months
        and recent.driver_score >= figures.smart_driver_green
        and recent.outcome_attainment < figures.smart_outcome_red
    group by recent.outcome_kpi_code
),

units as (
    -- A unit, and each unit above it.
    select
        org_units.org_unit_code,
        org_units.org_unit_code as above_code
    from {{ ref('stg_registers__org_units') }} as org_units
    where {{ in_force('org_units') }}
    union
    select
        units.org_unit_code,
        org_units.parent_code as above_code
    from units
    inner join {{ ref('stg_registers__org_units') }} as org_units
        on units.above_code = org_units.org_unit_code
    where org_units.parent_code is not null and {{ in_force('org_units') }}
),

work as (
    select
        process_code,
        activity_code,
        sum(service_elapsed_seconds) as work_seconds
    from {{ ref('fct_process_steps') }}
    group by process_code, activity_code
),

control as (
    select
        kpis.kpi_code,
        sum(case when units.org_unit_code is not null then steps.work_seconds end)
        / nullif(sum(steps.work_seconds), 0) as controlled_share
    from kpis
    inner join {{ ref('dim_process_steps') }} as first_steps
        on kpis.process_code = first_steps.process_code
        and kpis.from_activity_code = first_steps.activity_code
    inner join {{ ref('dim_process_steps') }} as last_steps
        on kpis.process_code = last_steps.process_code
        and kpis.to_activity_code = last_steps.activity_code
    inner join {{ ref('dim_process_steps') }} as between_steps
        on kpis.process_code = between_steps.process_code
        and between_steps.step_no between first_steps.step_no and last_steps.step_no
    inner join work as steps
        on between_steps.process_code = steps.process_code
        and between_steps.activity_code = steps.activity_code
    left join {{ ref('dim_owners') }} as owners
        on kpis.owner_code = owners.owner_code
    left join units
        on between_steps.org_unit_code = units.org_unit_code
        and owners.org_unit_code = units.above_code
    where kpis.measure_type = 'duration'
    group by kpis.kpi_code
)

select
    kpis.kpi_code,
    kpis.name_en,
    kpis.name_zh,
    kpis.process_code,
    kpis.from_activity_code,
    kpis.to_activity_code,
    kpis.measure_type,
    kpis.family,
    kpis.unit,
    kpis.direction,
    kpis.status as register_status,
    kpis.objective_code,
    kpis.is_manual,
    kpis.data_owner_code,
    kpis.period,
    kpis.assign_by,
    kpis.publish_lag_days,
    kpis.next_review_on,
    processes.timezone,
    kpis.from_activity_code is null or coalesce(not first_steps.is_retired, false)
        as has_from_step,
    kpis.to_activity_code is null or coalesce(not last_steps.is_retired, false)
        as has_to_step,
    figures.quantity_words,
    figures.vague_verbs,
    figures.vague_adjectives,
    figures.smart_measurable_share,
    figures.smart_complete_warn,
    figures.smart_complete_fail,
    figures.smart_events,
    figures.smart_ranges,
    figures.smart_weight,
    figures.smart_siblings,
    figures.smart_control,
    coalesce(measured.periods, 0) as periods,
    coalesce(measured.measurable_periods, 0) as measurable_periods,
    measured.median_n,
    measured.n_min,
    coalesce(measured.is_stale, true) as is_stale,
    measured.data_as_of,
    coalesce(measured.grade, 'D') as grade,
    measured.newest_end,
    measured.newest_n,
    measured.rarer_outcomes,
    completeness.complete_share,
    signals.moving_ranges,
    targets.kpi_code is not null as has_target,
    targets.target_min,
    targets.target_max,
    targets.change_type,
    targets.baseline,
    targets.due_on,
    targets.review_by,
    targets.reason as target_reason,
    checks.verdict as target_verdict,
    checks.approver_code,
    checks.intervention_code,
    coalesce(counted_counters.counters, 0) as counters,
    twins.twin_code,
    coalesce(paths.reaches_strategy, false) as reaches_strategy,
    weights.goal_share as weight_share,
    weights.siblings,
    coalesce(red_outcomes.is_red, false) as is_red_under_green,
    control.controlled_share
from kpis
cross join figures
left join {{ ref('dim_processes') }} as processes
    on kpis.process_code = processes.process_code
left join {{ ref('dim_process_steps') }} as first_steps
    on kpis.process_code = first_steps.process_code
    and kpis.from_activity_code = first_steps.activity_code
left join {{ ref('dim_process_steps') }} as last_steps
    on kpis.process_code = last_steps.process_code
    and kpis.to_activity_code = last_steps.activity_code
left join measured
    on kpis.kpi_code = measured.kpi_code
left join completeness
    on kpis.kpi_code = completeness.kpi_code
left join signals
    on kpis.kpi_code = signals.kpi_code
left join targets
    on kpis.kpi_code = targets.kpi_code
left join {{ ref('fct_target_checks') }} as checks
    on targets.kpi_code = checks.kpi_code
    and targets.segment_code = checks.segment_code
    and targets.valid_from = checks.valid_from
left join counted_counters
    on kpis.kpi_code = counted_counters.kpi_code
left join twins
    on kpis.kpi_code = twins.kpi_code
left join paths
    on kpis.objective_code = paths.objective_code
left join weights
    on kpis.kpi_code = weights.kpi_code
left join red_outcomes
    on kpis.kpi_code = red_outcomes.kpi_code
left join control
    on kpis.kpi_code = control.kpi_code
