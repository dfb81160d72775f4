-- Grain: one row per process and rule on its set of KPIs that is not kept.
select
    checks.rule_id,
    case when checks.rule_id in ('K-1', 'B-1') then 'F' else 'W' end as severity,
    case checks.rule_id
        when 'K-1' then 'wrong_number'
        when 'K-2' then 'no_outcome'
        when 'K-3' then 'unwatched'
        when 'K-4' then 'not_ready'
        when 'B-1' then 'one_sided'
    end as verdict,
    cast(null as varchar) as kpi_code,
    cast(null as varchar) as counter_kpi_code,
    cast(null as varchar) as objective_code,
    checks.process_code,
    cast(null as varchar) as segment_code,
    checks.since as period_start,
    'core_' || replace(lower(checks.rule_id), '-', '_') as message_id,
    cast(
        json_object(
            'process', checks.process_code, 'found', checks.found, 'names', checks.names
        ) as varchar
    ) as evidence,
    cast(checks.found as double) as current_value,
    cast(null as double) as proposed_value,
    cast(null as varchar) as proposed_change,
    processes.owner_code
from {{ ref('fct_core_checks') }} as checks
inner join {{ ref('dim_processes') }} as processes
    on checks.process_code = processes.process_code
where not checks.is_kept
