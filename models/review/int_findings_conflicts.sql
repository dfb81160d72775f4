-- Grain: one row per declared pair whose counter metric suffers.
select
    'C-1' as rule_id,
    'W' as severity,
    checks.verdict,
    checks.kpi_code,
    checks.counter_kpi_code,
    cast(null as varchar) as objective_code,
    cast(null as varchar) as process_code,
    'all' as segment_code,
    -- Named by the quarter, so that a decision holds until the next.
    {{ period_start('quarter', 'checks.last_week') }} as period_start,
    'conflict_' || coalesce(moves.promotion, 'none') as message_id,
    cast(
        json_object(
            'kpi', checks.kpi_code,
            'counter', checks.counter_kpi_code,
            'kind', checks.verdict,
            'weeks', checks.weeks,
            'first_week', checks.first_week,
            'last_week', checks.last_week,
            'change', round(abs(checks.kpi_change), 4),
            'unit', {{ unit_of_change('kpis.unit') }},
            'counter_change', round(abs(checks.counter_change), 4),
            'counter_unit', {{ unit_of_change('counters.unit') }},
            'q', round(checks.q_value, 6),
            'rho', round(checks.rho, 4),
            'weight', moves.new_weight
        ) as varchar
    ) as evidence,
    checks.counter_change as current_value,
    moves.new_weight as proposed_value,
    case
        when moves.promotion is not null
            then cast(json_array(moves.promotion_change) as varchar)
    end as proposed_change,
    cast(null as varchar) as owner_code
from {{ ref('fct_counter_checks') }} as checks
inner join {{ ref('dim_kpis') }} as kpis
    on checks.kpi_code = kpis.kpi_code
inner join {{ ref('dim_kpis') }} as counters
    on checks.counter_kpi_code = counters.kpi_code
inner join {{ ref('int_kpi_moves') }} as moves
    on checks.counter_kpi_code = moves.kpi_code
where checks.verdict in ('trade_off', 'co_occurring')
