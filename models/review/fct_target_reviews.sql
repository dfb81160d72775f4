-- Grain: one row per KPI, segment with a one-sided target in force, and rule.
with conflicts as (
    select distinct kpi_code
    from {{ ref('fct_counter_checks') }}
    where is_conflict
),

running as (
    select distinct
        kpi_code,
        segment_code
    from {{ ref('stg_registers__interventions') }}
    where
        status = 'running'
        and starts_on <= {{ as_of_date() }}
        and verify_on > {{ as_of_date() }}
),

calendar_changes as (
    select
        processes.process_code,
        max(calendars.valid_from) as new_calendar_on
    from {{ ref('stg_registers__processes') }} as processes
    inner join {{ ref('stg_registers__calendars') }} as calendars
        on processes.calendar_code = calendars.calendar_code
    where calendars.valid_from <= {{ as_of_date() }}
    group by processes.process_code
),

majors as (
    select
        kpi_code,
        split_part(version, '.', 1) as major,
        min(valid_from) as new_major_on
    from {{ ref('stg_registers__kpis') }}
    group by kpi_code, split_part(version, '.', 1)
),

alerted as (
    select
        records.kpi_code,
        records.segment_code
    from {{ ref('int_target_records') }} as records
    inner join {{ ref('fct_alert_episodes') }} as episodes
        on records.kpi_code = episodes.kpi_code
        and records.segment_code = episodes.segment_code
        and records.easy_from_on <= episodes.last_on
    group by records.kpi_code, records.segment_code
),

joined as (
    select
        records.*,
        figures.raise_after,
        figures.raise_p_hit,
        figures.raise_min_step,
        figures.too_hard_after,
        figures.too_easy_after,
        proposals.proposed_value as bearable,
        benchmarks.benchmark,
        round(
            (records.recent_hits + 1) / (records.recent_periods + 2.0), 9
        ) as p_hit,
        -- Not further than halfway to the others, nor than the record bears.
        records.goodness * least(
            records.goodness * round(
                records.target
                + figures.raise_share * (benchmarks.benchmark - records.target),
                9
            ),
            records.goodness * proposals.proposed_value
        ) as raised,
        conflicts.kpi_code is not null as is_in_conflict,
        alerted.kpi_code is not null as has_alert,
        running.kpi_code is not null as is_intervention_running,
        case
            when records.review_by <= {{ as_of_date() }} then records.review_by
            when majors.new_major_on > records.valid_from then majors.new_major_on
            when
                records.clock = 'working'
                and calendar_changes.new_calendar_on > records.valid_from
                then calendar_changes.new_calendar_on
        end as stale_on
    from {{ ref('int_target_records') }} as records
    inner join {{ ref('int_kpi_defaults') }} as figures
        on records.kpi_code = figures.kpi_code
    left join {{ ref('int_target_proposals') }} as proposals
        on records.kpi_code = proposals.kpi_code
        and records.segment_code = proposals.segment_code
    left join {{ ref('int_review_benchmarks') }} as benchmarks
        on records.kpi_code = benchmarks.kpi_code
    left join conflicts on records.kpi_code = conflicts.kpi_code
    left join alerted
        on records.kpi_code = alerted.kpi_code
        and records.segment_code = alerted.segment_code
    left join running
        on records.kpi_code = running.kpi_code
        and records.segment_code = running.segment_code
    left join calendar_changes
        on records.process_code = calendar_changes.process_code
    left join majors
        on records.kpi_code = majors.kpi_code
        and records.major = majors.major
),

judged as (
    select
        *,
        'TR-1' as rule_id,
        case
            when hits_running < raise_after then 'none'
            when benchmark is null then 'not_decidable'
            when goodness * benchmark <= goodness * target then 'none'
            when is_in_conflict then 'in_conflict'
            -- Greatest ignores a sigma that is not known yet.
            when
                goodness * (raised - target)
                < greatest(raise_min_step * sigma, resolution)
                then 'none'
            else 'raise'
        end as verdict,
        raised as proposal,
        raise_on as since
    from joined
    union all
    select
        *,
        'TR-2' as rule_id,
        case
            when
                misses_running < too_hard_after
                -- Limits may be older than an improvement; a hit speaks for itself.
                and not coalesce(
                    assurance = 'fail' and recent_periods >= 12 and hits_running = 0,
                    false
                )
                then 'none'
            when is_intervention_running then 'not_yet_due'
            else 'too_hard'
        end as verdict,
        case when goodness * bearable < goodness * target then bearable end as proposal,
        too_hard_on as since
    from joined
    union all
    select
        *,
        'TR-3' as rule_id,
        case
            when
                assurance = 'pass' and hits_running >= too_easy_after and not has_alert
                then 'too_easy'
            else 'none'
        end as verdict,
        case when goodness * bearable > goodness * target then bearable end as proposal,
        too_easy_on as since
    from joined
    union all
    select
        *,
        'TR-4' as rule_id,
        case when stale_on is null then 'none' else 'stale' end as verdict,
        null as proposal,
        stale_on as since
    from joined
)

select
    kpi_code,
    segment_code,
    rule_id,
    verdict,
    case
        when verdict <> 'raise' then null
        when assurance = 'pass' or (p_hit >= raise_p_hit and recent_periods >= 6)
            then 'strong'
        else 'weak'
    end as strength,
    case when verdict not in ('none', 'not_decidable') then since end as since,
    valid_from,
    target,
    current_value,
    benchmark,
    case when verdict in ('raise', 'too_hard', 'too_easy') then proposal end
        as proposed_value,
    p_hit,
    hits_running,
    misses_running,
    assurance,
    sigma
from judged
