-- Grain: one row per process with instances.
{% set figures = [
    'instances',
    'start_share',
    'resource_share',
    'midnight_share',
    'tie_share',
    'repetitive_share',
    'concurrent_moves',
    'concurrent_balance',
    'concurrent_loops',
    'concurrent_overlap',
    'decision_visits',
    'decision_minority',
    'handover_share',
    'handover_moves',
    'return_share',
    'rework_share',
    'serial_rejects',
    'serial_share',
    'tail_ratio',
    'tail_count',
    'coverage',
    'period_instances',
    'periods_min',
    'periods_max',
    'bottleneck_share',
    'bottleneck_ratio',
    'bottleneck_p',
    'capacity_rho',
    'risk_instances',
    'risk_difference',
    'risk_z',
    'same_day_share',
    'work_share',
    'handovers',
    'flow_efficiency',
    'cancel_share',
    'candidate_n',
    'candidate_periods',
    'candidate_periods_min',
    'outcome_cases',
    'outcome_evidence',
    'weight_impact',
    'weight_reliability',
    'weight_control',
    'weight_outcome',
    'weight_dispersion',
    'weight_signal',
    'core_pool',
    'core_penalty',
] %}
{#- Figures that discovery shares with the review. -#}
{% set shared = [
    'n_min_rate',
    'n_min_other',
    'level_periods',
    'level_history',
    'half_life_months',
    'trend_p',
    'proposal_months',
    'redundant_rho',
    'redundant_periods',
    'core_min',
    'core_max',
] %}

with processes as (
    select distinct process_code from {{ ref('fct_process_instances') }}
),

ranked as (
    select
        processes.process_code,
        figures.name,
        figures.value,
        row_number() over (
            partition by processes.process_code, figures.name
            -- The process's own figure wins; a scope has each figure once.
            order by case when figures.scope_code = 'all' then 1 else 0 end
        ) as scope_rank
    from processes
    inner join {{ ref('stg_registers__defaults') }} as figures
        on figures.scope_code in ('all', processes.process_code)
)

select
    process_code,
    {% for figure in figures %}
    max(case when name = 'disc_{{ figure }}' then try_cast(value as double) end)
        as {{ figure }},
    {% endfor %}
{% for figure in shared %}
max(case when name = '{{ figure }}' then try_cast(value as double) end)
    as {{ figure }}{{ ',' if not loop.last }}
{% endfor %}
from ranked
where scope_rank = 1
group by process_code
