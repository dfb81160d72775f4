-- Grain: one row per intervention that has been judged.
with steps as (
    -- A quality KPI of the step that a KPI ends with, other than its counter metric.
    select
        kpis.kpi_code,
        min(others.kpi_code) as quality_kpi_code
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('dim_kpis') }} as others
        on kpis.process_code = others.process_code
        and kpis.to_activity_code
        in (others.from_activity_code, others.to_activity_code)
        and kpis.kpi_code <> others.kpi_code
    left join {{ ref('stg_registers__kpi_counters') }} as pairs
        on kpis.kpi_code = pairs.kpi_code
        and others.kpi_code = pairs.counter_kpi_code
    where
        others.family = 'quality'
        and others.tier <> 'core'
        and others.status = 'active'
        and pairs.kpi_code is null
    group by kpis.kpi_code
),

last_signals as (
    select
        kpi_code,
        segment_code,
        max_by(is_x2 and variation = 'improving', period_start) as is_new_level
    from {{ ref('fct_kpi_status') }}
    where is_final
    group by kpi_code, segment_code
),

judged as (
    select
        checks.*,
        kpis.unit,
        counters.unit as counter_unit,
        case
            when checks.verdict = 'traded_off'
                then coalesce(steps.quality_kpi_code, checks.counter_kpi_code)
        end as promoted_kpi_code,
        checks.verdict = 'verified' and last_signals.is_new_level as is_new_level
    from {{ ref('fct_improvement_checks') }} as checks
    inner join {{ ref('dim_kpis') }} as kpis
        on checks.kpi_code = kpis.kpi_code
    left join {{ ref('dim_kpis') }} as counters
        on checks.counter_kpi_code = counters.kpi_code
    left join steps
        on checks.kpi_code = steps.kpi_code
    left join last_signals
        on checks.kpi_code = last_signals.kpi_code
        and checks.segment_code = last_signals.segment_code
    where checks.verdict <> 'not_yet_due'
)

select
    'V-1' as rule_id,
    case
        when judged.verdict in ('verified', 'inconclusive', 'insufficient') then 'info'
        else 'W'
    end as severity,
    judged.verdict,
    judged.kpi_code,
    case when judged.verdict = 'traded_off' then judged.counter_kpi_code end
        as counter_kpi_code,
    cast(null as varchar) as objective_code,
    judged.process_code,
    judged.segment_code,
    judged.verify_on as period_start,
    'improvement_' || judged.verdict as message_id,
    cast(
        json_object(
            'intervention', judged.intervention_code,
            'kpi', judged.kpi_code,
            'unit', judged.unit,
            'before', round(judged.value_before, 4),
            'after', round(judged.value_after, 4),
            'effect', round(judged.effect, 4),
            'effect_unit', {{ unit_of_change('judged.unit') }},
            'low', round(judged.effect_low, 4),
            'high', round(judged.effect_high, 4),
            'weeks_before', judged.weeks_before,
            'weeks_after', judged.weeks_after,
            'min_effect', judged.min_effect,
            'counter', judged.counter_kpi_code,
            'counter_effect', round(abs(judged.counter_effect), 4),
            'counter_unit', {{ unit_of_change('judged.counter_unit') }},
            'harm_margin', round(judged.harm_margin, 4),
            'promoted', judged.promoted_kpi_code
        ) as varchar
    ) as evidence,
    judged.effect as current_value,
    cast(null as double) as proposed_value,
    cast(
        case
            when moves.promotion is not null then json_array(moves.promotion_change)
            -- What is normal has to be learnt anew.
            when judged.is_new_level
                then
                    json_array(
                        {{ register_change(
                            'decisions',
                            {'subject_kind': "'kpi'", 'subject_id': 'judged.kpi_code'},
                            "'action'", 'null', "'rebase'"
                        ) }}
                    )
        end as varchar
    ) as proposed_change,
    judged.owner_code
from judged
left join {{ ref('int_kpi_moves') }} as moves
    on judged.promoted_kpi_code = moves.kpi_code
