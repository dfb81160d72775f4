-- Grain: one row per finding about a target: out of reach, too hard, too easy, stale.
{% set key = {
    'kpi_code': 'found.kpi_code',
    'segment_code': 'found.segment_code',
    'valid_from': 'found.valid_from',
} %}

with changes as (
    select
        found.*,
        case
            when found.proposed_value is null then null
            when targets.change_type = 'relative'
                then
                    {{ register_change(
                        'kpi_targets', key, "'change'", plain('targets.change'),
                        plain('found.proposed_value / resolved.baseline - 1')
                    ) }}
            when targets.change_type = 'points'
                then
                    {{ register_change(
                        'kpi_targets', key, "'change'", plain('targets.change'),
                        plain('found.proposed_value - resolved.baseline')
                    ) }}
            when kpis.direction = 'higher'
                then
                    {{ register_change(
                        'kpi_targets', key, "'target_min'",
                        plain('targets.target_min'), plain('found.proposed_value')
                    ) }}
            else
                {{ register_change(
                    'kpi_targets', key, "'target_max'",
                    plain('targets.target_max'), plain('found.proposed_value')
                ) }}
        end as target_change,
        -- An alarm must not be stricter than its target.
        case
            when kpis.direction = 'higher' and targets.alarm_min > found.proposed_value
                then
                    {{ register_change(
                        'kpi_targets', key, "'alarm_min'",
                        plain('targets.alarm_min'), plain('found.proposed_value')
                    ) }}
            when kpis.direction = 'lower' and targets.alarm_max < found.proposed_value
                then
                    {{ register_change(
                        'kpi_targets', key, "'alarm_max'",
                        plain('targets.alarm_max'), plain('found.proposed_value')
                    ) }}
        end as alarm_change,
        moves.monitor_change
    from {{ ref('int_target_verdicts') }} as found
    inner join {{ ref('dim_kpis') }} as kpis
        on found.kpi_code = kpis.kpi_code
    inner join {{ ref('int_kpi_moves') }} as moves
        on found.kpi_code = moves.kpi_code
    inner join {{ ref('stg_registers__kpi_targets') }} as targets
        on found.kpi_code = targets.kpi_code
        and found.segment_code = targets.segment_code
        and found.valid_from = targets.valid_from
    inner join {{ ref('dim_kpi_targets') }} as resolved
        on found.kpi_code = resolved.kpi_code
        and found.segment_code = resolved.segment_code
        and found.valid_from = resolved.valid_from
)

select
    rule_id,
    severity,
    verdict,
    kpi_code,
    cast(null as varchar) as counter_kpi_code,
    cast(null as varchar) as objective_code,
    cast(null as varchar) as process_code,
    segment_code,
    since as period_start,
    message_id,
    cast(evidence as varchar) as evidence,
    current_value,
    proposed_value,
    cast(
        case
            when message_id = 'target_monitor' then json_array(monitor_change)
            when alarm_change is not null then json_array(target_change, alarm_change)
            when target_change is not null then json_array(target_change)
        end as varchar
    ) as proposed_change,
    cast(null as varchar) as owner_code
from changes
