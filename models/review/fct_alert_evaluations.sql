-- Grain: one row per KPI, segment under review, rule and side: the newest period.
with newest as (
    select *
    from {{ ref('fct_alert_states') }}
    qualify row_number() over (
        partition by kpi_code, segment_code, rule_id, side
        order by period_start desc
    ) = 1
),

newest_values as (
    select
        reported.*,
        {{ add_days('reported.period_end', 'coalesce(kpis.publish_lag_days, 0)') }}
        <= {{ as_of_date() }} as is_due
    from {{ ref('fct_kpi_values') }} as reported
    inner join {{ ref('dim_kpis') }} as kpis
        on reported.kpi_code = kpis.kpi_code
        and reported.period_grain = kpis.period
    where
        reported.segment_code = 'all'
        and reported.state <> 'not_in_force'
        and reported.period_end <= {{ as_of_date() }}
    qualify row_number() over (
        partition by reported.kpi_code
        order by reported.period_start desc
    ) = 1
),

data_rules as (
    -- Whether there is anything to judge at all.
    select
        kpis.kpi_code,
        'all' as segment_code,
        'data' as rule_id,
        'none' as side,
        sha256(concat_ws('|', kpis.kpi_code, 'data')) as fingerprint,
        kpis.period as period_grain,
        newest_values.period_start,
        newest_values.value,
        newest_values.counted_count as n,
        cast(null as bigint) as n_min,
        cast(null as double) as limit_value,
        cast(null as double) as bound_value,
        case
            when freshness.is_held then 'held'
            when
                newest_values.is_due
                and newest_values.state_reason in ('no_subjects', 'never_delivered')
                then 'no_data'
            else 'no_breach'
        end as decision,
        cast(null as varchar) as alert_state,
        cast(null as date) as onset_on
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('int_kpi_data_states') }} as freshness
        on kpis.kpi_code = freshness.kpi_code
    left join newest_values
        on kpis.kpi_code = newest_values.kpi_code
),

snoozes as (
    select
        subject_id,
        max(until) as snoozed_until
    from {{ ref('stg_registers__decisions') }}
    where
        subject_kind = 'alert'
        and action = 'snooze'
        and decided_on <= {{ as_of_date() }}
        and until >= {{ as_of_date() }}
    group by subject_id
),

evaluated as (
    select
        kpi_code,
        segment_code,
        rule_id,
        side,
        fingerprint,
        period_grain,
        period_start,
        value,
        n,
        n_min,
        limit_value,
        bound_value,
        case when is_held then 'held' else decision end as decision,
        alert_state,
        onset_on
    from newest
    union all
    select * from data_rules
),

silenced as (
    select
        evaluated.*,
        left(evaluated.fingerprint, 12) as alert_id,
        case
            when evaluated.decision not in ('fired', 'already_open', 'no_data')
                then evaluated.decision
            -- Of a KPI that is proposed or retired nobody is told.
            when coalesce(kpis.status, '') <> 'active' then 'silenced'
            when snoozes.subject_id is not null then 'snoozed'
            else evaluated.decision
        end as told_decision,
        snoozes.snoozed_until,
        kpis.unit,
        freshness.held_reason,
        freshness.data_as_of
    from evaluated
    inner join {{ ref('dim_kpis') }} as kpis
        on evaluated.kpi_code = kpis.kpi_code
    inner join {{ ref('int_kpi_data_states') }} as freshness
        on evaluated.kpi_code = freshness.kpi_code
    left join snoozes
        on left(evaluated.fingerprint, 12) = snoozes.subject_id
),

labels as (
    select
        map_from_entries(list((code, label_en) order by code)) as en,
        map_from_entries(list((code, label_zh) order by code)) as zh
    from {{ ref('int_review_labels') }}
),

told as (
    select
        *,
        case
            when told_decision in ('fired', 'already_open', 'pending', 'no_breach')
                then 'alert_' || rule_id || '_' || told_decision
            when told_decision = 'provisional' and value is null
                then 'alert_provisional_empty'
            else 'alert_' || told_decision
        end as message_id,
        cast(
            json_object(
                'kpi', kpi_code,
                'period', {{ period_label('period_grain', 'period_start') }},
                'since', {{ period_label('period_grain', 'onset_on') }},
                'until', cast(snoozed_until as varchar),
                'value', value,
                'unit', unit,
                'limit', limit_value,
                'bound', bound_value,
                'n', n,
                'n_min', n_min,
                'stale_reason', held_reason,
                'data_as_of',
                strftime({{ utc_to_local('data_as_of') }}, '%Y-%m-%d %H:%M')
            ) as varchar
        ) as evidence
    from silenced
)

select
    told.kpi_code,
    told.segment_code,
    told.rule_id,
    told.side,
    told.alert_id,
    told.fingerprint,
    told.period_grain,
    told.period_start,
    told.value,
    told.n,
    told.n_min,
    told.limit_value,
    told.bound_value,
    told.told_decision as decision,
    told.alert_state,
    told.onset_on,
    contributors.segment_code as contributor_code,
    {{ rendered('en', 'told.evidence') }} as sentence_en,
    {{ rendered('zh', 'told.evidence') }} as sentence_zh,
    told.data_as_of
from told
cross join labels
left join {{ ref('stg_registers__messages') }} as messages
    on told.message_id = messages.message_id
left join {{ ref('int_alert_contributors') }} as contributors
    on told.kpi_code = contributors.kpi_code
    and told.period_start = contributors.period_start
    and told.segment_code = 'all'
    and told.rule_id <> 'data'
