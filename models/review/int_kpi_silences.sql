-- Grain: one row per KPI and reason why nobody would miss it.
with kpis as (
    select *
    from {{ ref('dim_kpis') }}
    where status = 'active' and is_in_force
),

finals as (
    select
        status.*,
        row_number() over (
            partition by status.kpi_code
            order by status.period_start desc
        ) as recency
    from {{ ref('fct_kpi_status') }} as status
    where status.segment_code = 'all' and status.is_final
),

steady as (
    select
        finals.kpi_code,
        count(*) as periods,
        count(distinct finals.value) as distinct_values
    from finals
    inner join {{ ref('int_kpi_defaults') }} as figures
        on finals.kpi_code = figures.kpi_code
    where finals.recency <= figures.constant_periods
    group by finals.kpi_code
    having
        count(*) >= max(figures.constant_periods) and count(distinct finals.value) <= 2
),

unreliable as (
    select
        finals.kpi_code,
        count(*) as periods
    from finals
    inner join {{ ref('int_kpi_defaults') }} as figures
        on finals.kpi_code = figures.kpi_code
    where
        finals.recency <= figures.unreliable_periods
        and finals.reliability_grade = 'D'
    group by finals.kpi_code
    having count(*) >= max(figures.unreliable_periods)
),

cycles as (
    -- A review cycle of a KPI ends with the decision that closes it.
    select
        subject_id as kpi_code,
        decided_on as closed_on,
        lag(decided_on, 1, date '0001-01-01') over closings as opened_on,
        row_number() over (partition by subject_id order by decided_on desc) as recency
    from {{ ref('stg_registers__decisions') }}
    where
        subject_kind = 'kpi'
        and action = 'close_cycle'
        and decided_on <= {{ as_of_date() }}
    window closings as (partition by subject_id order by decided_on)
),

unused as (
    select
        kpi_code,
        min(opened_on) as opened_on,
        max(closed_on) as closed_on
    from cycles
    where recency <= 2
    group by kpi_code
    having count(*) = 2
)

select
    'P-4' as rule_id,
    kpis.kpi_code,
    kpis.valid_from as since,
    json_object('periods', steady.periods, 'values', steady.distinct_values) as evidence
from kpis
inner join steady on kpis.kpi_code = steady.kpi_code
union all
select
    'P-5' as rule_id,
    kpis.kpi_code,
    unused.closed_on as since,
    json_object('closed_on', unused.closed_on) as evidence
from kpis
inner join unused on kpis.kpi_code = unused.kpi_code
where
    not exists (
        select 1
        from {{ ref('fct_alert_episodes') }} as episodes
        where
            episodes.kpi_code = kpis.kpi_code
            and episodes.last_on >= unused.opened_on
            and episodes.onset_on < unused.closed_on
    )
    and not exists (
        select 1
        from {{ ref('stg_registers__decisions') }} as decisions
        where
            decisions.subject_kind = 'kpi'
            and decisions.subject_id = kpis.kpi_code
            and decisions.action <> 'close_cycle'
            and decisions.decided_on >= unused.opened_on
            and decisions.decided_on < unused.closed_on
    )
union all
select
    'P-6' as rule_id,
    kpis.kpi_code,
    kpis.valid_from as since,
    json_object('periods', unreliable.periods) as evidence
from kpis
inner join unreliable on kpis.kpi_code = unreliable.kpi_code
union all
select
    'P-7' as rule_id,
    kpis.kpi_code,
    coalesce(max(owners.valid_to), kpis.valid_from) as since,
    json_object('owner', kpis.owner_code) as evidence
from kpis
left join {{ ref('stg_registers__owners') }} as owners
    on kpis.owner_code = owners.owner_code
group by kpis.kpi_code, kpis.owner_code, kpis.valid_from
having
    coalesce(
        max(
            case
                when
                    owners.valid_from <= {{ as_of_date() }}
                    and coalesce(owners.valid_to > {{ as_of_date() }}, true)
                    then 1
            end
        ),
        0
    ) = 0
