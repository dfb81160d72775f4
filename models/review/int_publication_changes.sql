-- Grain: one row per KPI, segment and official period not published as it is now.
{% set parts = [
    'numerator',
    'denominator',
    'counted_count',
    'open_count',
    'undecided_count',
    'excluded_count',
] %}
{% set targets = ['target_min', 'target_max', 'alarm_min', 'alarm_max'] %}

with kpis as (
    select
        kpis.kpi_code,
        kpis.version as definition_version,
        split_part(kpis.version, '.', 1) as major,
        kpis.process_code,
        kpis.period,
        kpis.resolution,
        freshness.data_as_of,
        {{ local_date('freshness.data_as_of') }} as uncovered_from,
        freshness.is_stale
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_data_states') }} as freshness
        on kpis.kpi_code = freshness.kpi_code
),

latest as (
    select *
    from {{ ref('stg_takt__publications') }}
    qualify row_number() over (
        partition by kpi_code, segment_code, period_grain, period_start
        order by publication_no desc
    ) = 1
),

present as (
    select reported.*
    from {{ ref('fct_kpi_values') }} as reported
    inner join kpis
        on reported.kpi_code = kpis.kpi_code
        and reported.period_grain = kpis.period
),

covered as (
    select distinct
        present.kpi_code,
        present.period_start
    from present
    inner join kpis
        on present.kpi_code = kpis.kpi_code
    where present.period_end <= kpis.uncovered_from
),

periods as (
    select
        kpi_code,
        period_start,
        row_number() over (partition by kpi_code order by period_start desc) as age
    from covered
),

marked as (
    -- Up to which arrival, and with which code, a figure was as published: up to the
    -- last version, but of what may be held back only the version that published it.
    select
        latest.kpi_code,
        latest.segment_code,
        latest.period_start,
        case
            when periods.age <= 2 then versions.last_batch_no else latest.last_batch_no
        end as last_batch_no,
        case
            when periods.age <= 2 then versions.is_same_code else latest.is_same_code
        end as is_same_code
    from latest
    cross join {{ ref('stg_takt__last_version') }} as versions
    left join periods
        on latest.kpi_code = periods.kpi_code
        and latest.period_start = periods.period_start
),

arrivals as (
    select
        marked.kpi_code,
        marked.segment_code,
        marked.period_start,
        bool_and(marked.is_same_code) as is_same_code,
        count(batches.batch_no) > 0 as is_newer,
        coalesce(bool_or(batches.is_superseding), false) as is_superseded
    from marked
    left join {{ ref('stg_registers__kpi_exports') }} as exports
        on marked.kpi_code = exports.kpi_code
    left join {{ ref('stg_takt__batches') }} as batches
        on exports.export_code = batches.export_code
        and marked.last_batch_no < batches.batch_no
    group by marked.kpi_code, marked.segment_code, marked.period_start
),

paired as (
    select
        kpis.kpi_code,
        kpis.definition_version,
        kpis.process_code,
        coalesce(present.segment_code, latest.segment_code) as segment_code,
        kpis.period as period_grain,
        coalesce(present.period_start, latest.period_start) as period_start,
        coalesce(present.period_end, latest.period_end) as period_end,
        present.value,
        present.numerator,
        present.denominator,
        coalesce(present.counted_count, 0) as counted_count,
        coalesce(present.open_count, 0) as open_count,
        coalesce(present.undecided_count, 0) as undecided_count,
        coalesce(present.excluded_count, 0) as excluded_count,
        present.target_min,
        present.target_max,
        present.alarm_min,
        present.alarm_max,
        kpis.data_as_of,
        coalesce(kpis.resolution, 0) as resolution,
        periods.age,
        case
            when present.kpi_code is null then 'withdrawn'
            when
                latest.finality <> 'provisional'
                and split_part(latest.definition_version, '.', 1) = kpis.major
                then 'restated'
            when present.state = 'final' then 'final'
            else 'provisional'
        end as finality,
        latest.kpi_code is null as is_first,
        split_part(latest.definition_version, '.', 1) = kpis.major as is_same_major,
        latest.definition_version = kpis.definition_version as is_same_definition,
        latest.finality as latest_finality,
        latest.value as latest_value,
        latest.data_as_of as latest_data_as_of,
        {% for part in parts %}
        {{ 'and ' if not loop.first }}coalesce(
            latest.{{ part }} = present.{{ part }},
            latest.{{ part }} is null and present.{{ part }} is null
        )
        {% endfor %} as is_same_parts,
        {% for part in targets %}
        {{ 'and ' if not loop.first }}coalesce(
            latest.{{ part }} = present.{{ part }},
            latest.{{ part }} is null and present.{{ part }} is null
        )
        {% endfor %} as is_same_target,
        present.counted_count + present.open_count + present.undecided_count
        + present.excluded_count
        = latest.counted_count + latest.open_count + latest.undecided_count
        + latest.excluded_count as is_same_subjects,
        coalesce(
            present.open_count + present.undecided_count
            < latest.open_count + latest.undecided_count,
            false
        ) as is_more_settled,
        arrivals.is_same_code,
        arrivals.is_newer,
        arrivals.is_superseded
    from present
    full outer join latest
        on present.kpi_code = latest.kpi_code
        and present.segment_code = latest.segment_code
        and present.period_grain = latest.period_grain
        and present.period_start = latest.period_start
    inner join kpis
        on coalesce(present.kpi_code, latest.kpi_code) = kpis.kpi_code
        and coalesce(present.period_grain, latest.period_grain) = kpis.period
    inner join periods
        on kpis.kpi_code = periods.kpi_code
        and coalesce(present.period_start, latest.period_start) = periods.period_start
    left join arrivals
        on latest.kpi_code = arrivals.kpi_code
        and latest.segment_code = arrivals.segment_code
        and latest.period_start = arrivals.period_start
    where
        case
            -- As long as an export is stale, what was published stands.
            when present.kpi_code is null then not kpis.is_stale
            else present.state not in ('held', 'not_in_force')
        end
),

changed as (
    select
        *,
        case
            when is_first then 'initial'
            when not is_same_major then 'definition_change'
            -- The row is about what people may now rely on, not about another figure.
            when is_same_parts and is_same_target then 'settled'
            when not is_same_definition then 'definition_change'
            -- Only the target moved. While its register is the same it rests on a
            -- record, and that has settled or grown.
            when is_same_parts
                then
                    case
                        when not is_same_code then 'definition_change'
                        when latest_finality = 'provisional' then 'settled'
                        when is_superseded then 'source_correction'
                        else 'late_data'
                    end
            when
                latest_finality = 'provisional' and is_same_subjects and is_more_settled
                then 'settled'
            when is_superseded or (is_newer and is_same_subjects)
                then 'source_correction'
            when is_newer then 'late_data'
            when not is_same_code then 'bugfix'
            -- The files were there; the run looks back from a later moment.
            when data_as_of > latest_data_as_of then 'late_data'
            else 'not_reproducible'
        end as reason
    from paired
    where
        is_first
        or not is_same_major
        or not is_same_target
        or case
            when finality = 'withdrawn' then latest_finality <> 'withdrawn'
            when latest_finality = 'withdrawn' then true
            else
                not is_same_parts
                or (latest_finality = 'provisional' and finality = 'final')
        end
),

accepted as (
    select distinct subject_id as finding_id
    from {{ ref('stg_registers__decisions') }}
    where
        subject_kind = 'finding'
        and action = 'accept'
        and decided_on <= {{ as_of_date() }}
),

named as (
    select
        *,
        'PB-1' as rule_id,
        cast(null as varchar) as counter_kpi_code,
        cast(null as varchar) as objective_code
    from changed
),

identified as (
    select
        *,
        {{ finding_id() }} as finding_id
    from named
)

select
    identified.kpi_code,
    identified.definition_version,
    identified.process_code,
    identified.segment_code,
    identified.period_grain,
    identified.period_start,
    identified.period_end,
    identified.value,
    identified.numerator,
    identified.denominator,
    identified.counted_count,
    identified.open_count,
    identified.undecided_count,
    identified.excluded_count,
    identified.finality,
    identified.target_min,
    identified.target_max,
    identified.alarm_min,
    identified.alarm_max,
    identified.latest_value,
    -- Below the step that is shown, the figure is stored and nobody need be told.
    not identified.is_first
    and coalesce(
        abs(identified.value - identified.latest_value)
        >= greatest(identified.resolution, 1e-9),
        identified.value is distinct from identified.latest_value
    ) as is_visible_change,
    identified.reason,
    identified.data_as_of,
    -- The two newest periods restate by themselves; what lies further back has been
    -- relied on, and somebody has to agree.
    identified.latest_finality in ('final', 'restated')
    and coalesce(identified.is_same_major, false)
    and identified.age > 2
    and accepted.finding_id is null as is_held_back
from identified
left join accepted
    on identified.finding_id = accepted.finding_id
-- A run that looks back from an earlier moment than the last one reports nothing.
where
    not exists (
        select 1
        from {{ ref('stg_takt__publications') }} as earlier
        where earlier.known_from > {{ as_of() }}
    )
