-- Grain: one row per alert, from the period in which it fired to the one that ended it.
with newer as (
    -- Since when each way of judging has been followed by another one.
    select
        kpi_code,
        segment_code,
        rule_id,
        side,
        judging_epoch,
        max(period_start) as last_judged_on,
        lead(min(period_start)) over (
            partition by kpi_code, segment_code, rule_id, side
            order by min(period_start)
        ) as redefined_on
    from {{ ref('fct_alert_states') }}
    group by kpi_code, segment_code, rule_id, side, judging_epoch
),

episodes as (
    select
        kpi_code,
        segment_code,
        process_code,
        rule_id,
        side,
        fingerprint,
        major,
        judging_epoch,
        onset_on,
        max(case when change is distinct from 'recovered' then period_start end)
            as last_on,
        max(case when change = 'recovered' then period_start end) as recovered_on,
        arg_max(alert_state, period_start) as alert_state,
        max(case when change = 'fired' then value end) as onset_value,
        max(case when change = 'fired' then limit_value end) as onset_limit_value
    from {{ ref('fct_alert_states') }}
    where onset_on is not null
    group by
        kpi_code,
        segment_code,
        process_code,
        rule_id,
        side,
        fingerprint,
        major,
        judging_epoch,
        onset_on
)

select
    episodes.fingerprint,
    episodes.onset_on,
    episodes.kpi_code,
    episodes.segment_code,
    episodes.process_code,
    episodes.rule_id,
    episodes.side,
    episodes.major,
    episodes.onset_value,
    episodes.onset_limit_value,
    episodes.last_on,
    coalesce(episodes.recovered_on, newer.redefined_on) as closed_on,
    case
        when episodes.recovered_on is not null then 'recovered'
        when newer.redefined_on is not null then 'redefined'
    end as closed_reason,
    case
        when episodes.recovered_on is null and newer.redefined_on is null
            then episodes.alert_state
    end as open_state,
    newer.last_judged_on
from episodes
inner join newer
    on episodes.kpi_code = newer.kpi_code
    and episodes.segment_code = newer.segment_code
    and episodes.rule_id = newer.rule_id
    and episodes.side = newer.side
    and episodes.judging_epoch = newer.judging_epoch
