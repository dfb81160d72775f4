-- Grain: one row per KPI.
{% set key = {'kpi_code': 'kpi_code', 'valid_from': 'valid_from'} %}

with shares as (
    -- Weights count among the active KPIs of one goal.
    select
        *,
        sum(case when status = 'active' then weight end) over (
            partition by objective_code
        ) as goal_weight
    from {{ ref('dim_kpis') }}
),

weighed as (
    select
        *,
        least(0.5, 1.5 * weight / goal_weight) as wanted_share
    from shares
),

solved as (
    -- The weight that gives the wanted share while the others keep theirs.
    select
        *,
        round(wanted_share * (goal_weight - weight) / (1 - wanted_share), 2)
            as new_weight
    from weighed
)

select
    kpi_code,
    tier,
    case
        when tier <> 'core' then 'core'
        when new_weight > weight then 'weight'
    end as promotion,
    case when new_weight > weight then new_weight end as new_weight,
    case
        when tier <> 'core'
            then
                {{ register_change('kpis', key, "'tier'", 'tier', "'core'") }}
        when new_weight > weight
            then
                {{ register_change(
                    'kpis', key, "'weight'", plain('weight'), plain('new_weight')
                ) }}
    end as promotion_change,
    case
        when tier <> 'monitor'
            then
                {{ register_change('kpis', key, "'tier'", 'tier', "'monitor'") }}
    end as monitor_change,
    {{ register_change('kpis', key, "'status'", 'status', "'retired'") }}
        as retirement_change
from solved
