-- Grain: one row per KPI, segment and period whose restatement waits to be decided.
select
    'PB-1' as rule_id,
    'W' as severity,
    'held_back' as verdict,
    kpi_code,
    cast(null as varchar) as counter_kpi_code,
    cast(null as varchar) as objective_code,
    process_code,
    segment_code,
    period_start,
    'restatement_held_back' as message_id,
    cast(
        json_object(
            'period', cast(period_start as varchar),
            'published', latest_value,
            'value', value,
            'reason', reason
        ) as varchar
    ) as evidence,
    latest_value as current_value,
    value as proposed_value,
    cast(null as varchar) as proposed_change,
    cast(null as varchar) as owner_code
from {{ ref('int_publication_changes') }}
where is_held_back
