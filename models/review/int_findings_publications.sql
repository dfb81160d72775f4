-- Grain: one row per KPI, segment and period whose restatement waits to be decided.
select
    'PB-1' as rule_id,
    'W' as severity,
    'held_back' as verdict,
    changes.kpi_code,
    cast(null as varchar) as counter_kpi_code,
    cast(null as varchar) as objective_code,
    changes.process_code,
    changes.segment_code,
    changes.period_start,
    'restatement_held_back' as message_id,
    cast(
        json_object(
            'kpi', changes.kpi_code,
            'period',
            {{ period_label('changes.period_grain', 'changes.period_start') }},
            'unit', kpis.unit,
            'published', changes.latest_value,
            'value', changes.value,
            'reason', changes.reason
        ) as varchar
    ) as evidence,
    changes.latest_value as current_value,
    changes.value as proposed_value,
    cast(null as varchar) as proposed_change,
    cast(null as varchar) as owner_code
from {{ ref('int_publication_changes') }} as changes
inner join {{ ref('dim_kpis') }} as kpis
    on changes.kpi_code = kpis.kpi_code
where changes.is_held_back
