-- Grain: one row per KPI that could be given up, rule, and KPI that says the same.
with kpis as (
    select
        *,
        weight + case tier when 'core' then 1000 when 'supporting' then 500 else 0 end
            as heaviness
    from {{ ref('dim_kpis') }}
    where status = 'active' and is_in_force
),

alike as (
    select
        case
            when one.heaviness < other.heaviness then one.kpi_code
            else other.kpi_code
        end as kpi_code,
        case
            when one.heaviness < other.heaviness then other.kpi_code
            else one.kpi_code
        end as kept_kpi_code,
        likeness.periods,
        likeness.rho,
        likeness.is_equal,
        greatest(one.valid_from, other.valid_from) as since,
        one.process_code = other.process_code
        and abs(likeness.rho) >= figures.redundant_rho
        and likeness.periods >= figures.redundant_periods
        and pairs.kpi_code is null as is_redundant
    from {{ ref('int_kpi_redundancy') }} as likeness
    inner join kpis as one
        on likeness.kpi_code = one.kpi_code
    inner join kpis as other
        on likeness.other_kpi_code = other.kpi_code
    inner join {{ ref('int_kpi_defaults') }} as figures
        on likeness.kpi_code = figures.kpi_code
    left join {{ ref('stg_registers__kpi_counters') }} as pairs
        on likeness.kpi_code in (pairs.kpi_code, pairs.counter_kpi_code)
        and likeness.other_kpi_code in (pairs.kpi_code, pairs.counter_kpi_code)
),

declined as (
    select
        {{ finding_id() }} as finding_id,
        kpi_code,
        period_start as since
    from {{ ref('int_findings_targets') }}
    where rule_id = 'TR-3'
),

found as (
    select
        'P-1' as rule_id,
        kpi_code,
        kept_kpi_code,
        since,
        json_object('kept', kept_kpi_code, 'periods', periods) as evidence
    from alike
    where is_equal and periods >= 3
    union all
    select
        'P-2' as rule_id,
        kpi_code,
        kept_kpi_code,
        since,
        json_object(
            'kept', kept_kpi_code, 'periods', periods, 'rho', round(rho, 4)
        ) as evidence
    from alike
    where is_redundant and not is_equal
    union all
    select
        'P-3' as rule_id,
        declined.kpi_code,
        null as kept_kpi_code,
        declined.since,
        json_object('decision', max(decisions.decision_code)) as evidence
    from declined
    inner join {{ ref('stg_registers__decisions') }} as decisions
        on declined.finding_id = decisions.subject_id
        and decisions.subject_kind = 'finding'
        and decisions.action = 'decline'
        and decisions.decided_on <= {{ as_of_date() }}
    group by declined.kpi_code, declined.since
    union all
    select
        rule_id,
        kpi_code,
        null as kept_kpi_code,
        since,
        evidence
    from {{ ref('int_kpi_silences') }}
)

select
    found.rule_id,
    case when found.rule_id in ('P-1', 'P-7') then 'F' else 'W' end as severity,
    case found.rule_id
        when 'P-1' then 'duplicate'
        when 'P-2' then 'redundant'
        when 'P-3' then 'too_easy_kept'
        when 'P-4' then 'constant'
        when 'P-5' then 'unused'
        when 'P-6' then 'unreliable'
        when 'P-7' then 'ownerless'
    end as verdict,
    found.kpi_code,
    found.kept_kpi_code as counter_kpi_code,
    cast(null as varchar) as objective_code,
    cast(null as varchar) as process_code,
    'all' as segment_code,
    found.since as period_start,
    'prune_' || replace(lower(found.rule_id), '-', '_') as message_id,
    cast(
        json_merge_patch(found.evidence, json_object('kpi', found.kpi_code)) as varchar
    ) as evidence,
    cast(null as double) as current_value,
    cast(null as double) as proposed_value,
    case
        when found.rule_id = 'P-1'
            then cast(json_array(moves.retirement_change) as varchar)
        when found.rule_id <> 'P-7' and moves.monitor_change is not null
            then cast(json_array(moves.monitor_change) as varchar)
    end as proposed_change,
    case when found.rule_id = 'P-7' then figures.value end as owner_code
from found
inner join {{ ref('int_kpi_moves') }} as moves
    on found.kpi_code = moves.kpi_code
left join {{ ref('stg_registers__defaults') }} as figures
    on figures.name = 'default_owner'
    and figures.scope_code = 'all'
