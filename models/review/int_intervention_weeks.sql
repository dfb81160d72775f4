-- Grain: one row per intervention, KPI it may move, and whole week before or after it.
with measured as (
    select
        intervention_code,
        kpi_code,
        segment_code,
        starts_on,
        verify_on,
        washout_days
    from {{ ref('stg_registers__interventions') }}
    where status <> 'stopped'
    union all
    -- What the KPI of the intervention must not cost, as declared when it was judged.
    select
        interventions.intervention_code,
        pairs.counter_kpi_code as kpi_code,
        interventions.segment_code,
        interventions.starts_on,
        interventions.verify_on,
        interventions.washout_days
    from {{ ref('stg_registers__interventions') }} as interventions
    inner join {{ ref('stg_registers__kpi_counters') }} as pairs
        on interventions.kpi_code = pairs.kpi_code
        and interventions.verify_on >= pairs.valid_from
        and (pairs.valid_to is null or interventions.verify_on < pairs.valid_to)
    where interventions.status <> 'stopped'
),

cases as (
    -- By case start: what was begun before the change belongs to the time before.
    select
        measured.intervention_code,
        measured.kpi_code,
        measured.starts_on,
        measured.verify_on,
        measured.washout_days,
        observations.state,
        observations.numerator,
        observations.denominator,
        {{ period_start(
            'week', 'coalesce(instances.started_on, observations.measured_on)'
        ) }} as week_start,
        observations.state = 'counted'
        and {{ add_days('observations.measured_on', 'coalesce(kpis.window_days, 0)') }}
        <= measured.verify_on as is_known
    from measured
    inner join {{ ref('dim_kpis') }} as kpis
        on measured.kpi_code = kpis.kpi_code
    inner join {{ ref('fct_kpi_observations') }} as observations
        on measured.kpi_code = observations.kpi_code
        and measured.segment_code in ('all', observations.segment_code)
    left join {{ ref('fct_process_instances') }} as instances
        on kpis.process_code = instances.process_code
        and observations.subject_id = instances.process_instance_id
    where observations.state <> 'excluded'
),

weeks as (
    select
        intervention_code,
        kpi_code,
        week_start,
        case
            when {{ add_days('week_start', '7') }} <= max(starts_on) then 'before'
            when
                week_start >= {{ add_days('max(starts_on)', 'max(washout_days)') }}
                and {{ add_days('week_start', '6') }} <= max(verify_on)
                then 'after'
        end as phase,
        sum(case when is_known then numerator end) as numerator,
        sum(case when is_known then denominator end) as denominator,
        count(case when is_known then 1 end) / cast(count(*) as double) as known_share
    from cases
    group by intervention_code, kpi_code, week_start
)

select
    weeks.intervention_code,
    weeks.kpi_code,
    weeks.week_start,
    weeks.phase,
    cast(weeks.numerator as bigint) as numerator,
    cast(weeks.denominator as bigint) as denominator
from weeks
inner join {{ ref('int_kpi_defaults') }} as figures
    on weeks.kpi_code = figures.kpi_code
where
    weeks.phase is not null
    and weeks.denominator > 0
    and weeks.known_share >= figures.verify_mature
qualify
    row_number() over (
        partition by weeks.intervention_code, weeks.kpi_code, weeks.phase
        order by weeks.week_start desc
    ) <= case
        when weeks.phase = 'before' then figures.verify_before_max
        else 1000000
    end
