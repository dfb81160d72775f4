-- Grain: one row per KPI, segment, rule, side and official period that is over.
with judged as (
    select
        status.*,
        series.epoch,
        series.goodness,
        series.bound_min,
        series.bound_max,
        split_part(
            coalesce(versions.version, kpis.version), '.', 1
        ) as major,
        targets.valid_from as target_from,
        {{ add_days('status.period_end', 'coalesce(versions.publish_lag_days, 0)') }}
        <= {{ as_of_date() }} as is_due
    from {{ ref('fct_kpi_status') }} as status
    inner join {{ ref('int_review_series') }} as series
        on status.kpi_code = series.kpi_code
        and status.segment_code = series.segment_code
        and status.period_start = series.period_start
    inner join {{ ref('dim_kpis') }} as kpis
        on status.kpi_code = kpis.kpi_code
    left join {{ ref('stg_registers__kpis') }} as versions
        on status.kpi_code = versions.kpi_code
        and status.period_start >= versions.valid_from
        and (versions.valid_to is null or status.period_start < versions.valid_to)
    left join {{ ref('dim_kpi_targets') }} as targets
        on status.kpi_code = targets.kpi_code
        and status.segment_code = targets.segment_code
        and status.period_start >= targets.valid_from
        and (targets.valid_to is null or status.period_start < targets.valid_to)
    -- What has not happened yet may still put a running period right.
    where status.period_end <= {{ as_of_date() }}
),

sided as (
    {% for side, sign, other in [('high', '>', 'max'), ('low', '<', 'min')] %}
    select
        *,
        'limit' as rule_id,
        '{{ side }}' as side,
        -- Another target is another promise: it is judged anew.
        cast(target_from as varchar) as judging_epoch,
        alarm_{{ other }} as limit_value,
        coalesce(target_{{ other }}, alarm_{{ other }}) as clear_value,
        coalesce(bound_{{ 'low' if side == 'high' else 'high' }}, judged_value)
            as bound_value,
        judged_value {{ sign }} alarm_{{ other }} as is_beyond,
        alarm_evidence = 'confirmed' and judged_value {{ sign }} alarm_{{ other }}
            as is_fire,
        not judged_value {{ sign }} coalesce(target_{{ other }}, alarm_{{ other }})
            as is_clear
    from judged
    where alarm_{{ other }} is not null
    union all
    select
        *,
        'signal' as rule_id,
        '{{ side }}' as side,
        cast(epoch as varchar) as judging_epoch,
        limit_{{ side }} as limit_value,
        limit_{{ side }} as clear_value,
        value as bound_value,
        variation = 'concerning' as is_beyond,
        variation = 'concerning' as is_fire,
        variation <> 'concerning' as is_clear
    from judged
    -- A range has no unfavourable side.
    where goodness = {{ -1 if side == 'high' else 1 }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

reasoned as (
    select
        *,
        case
            when state = 'held' then 'held'
            when
                status = 'no_data' or state_reason in ('no_subjects', 'never_delivered')
                then case when is_due then 'no_data' else 'provisional' end
            when value is null or state_reason = 'period_running' then 'provisional'
            when n < n_min then 'below_n_min'
            when rule_id = 'signal' and limit_value is null and is_final
                then 'no_history'
            when not is_final and not coalesce(is_fire, false) then 'provisional'
        end as unchanged_reason
    from sided
)

select
    reasoned.kpi_code,
    reasoned.segment_code,
    reasoned.process_code,
    reasoned.rule_id,
    reasoned.side,
    reasoned.major,
    sha256(
        concat_ws(
            '|',
            reasoned.kpi_code,
            reasoned.major,
            reasoned.segment_code,
            reasoned.rule_id,
            reasoned.side
        )
    ) as fingerprint,
    concat_ws('|', reasoned.major, reasoned.judging_epoch) as judging_epoch,
    reasoned.period_grain,
    reasoned.period_start,
    reasoned.period_end,
    reasoned.value,
    reasoned.judged_value,
    reasoned.n,
    reasoned.n_min,
    reasoned.limit_value,
    reasoned.clear_value,
    reasoned.bound_value,
    case
        when reasoned.unchanged_reason is not null then 'unchanged'
        when reasoned.is_fire then 'fire'
        when reasoned.is_clear then 'clear'
        else 'neither'
    end as condition,
    coalesce(
        reasoned.unchanged_reason,
        case
            when reasoned.is_fire then 'fire'
            when reasoned.is_beyond then 'no_evidence'
            else 'no_breach'
        end
    ) as condition_reason,
    case reasoned.period_grain
        when 'day' then figures.alert_for_days
        when 'week' then figures.alert_for_weeks
        else figures.alert_for_months
    end as needed_fires,
    -- Without a band between alarm and target one good period may be luck.
    case
        when reasoned.rule_id = 'limit' and reasoned.limit_value = reasoned.clear_value
            then figures.alert_keep_without_band
        else 1
    end as needed_clears,
    reasoned.is_stale or coalesce(reasoned.reliability_grade = 'D', false) as is_held,
    reasoned.data_as_of,
    reasoned.reliability_grade
from reasoned
inner join {{ ref('int_kpi_defaults') }} as figures
    on reasoned.kpi_code = figures.kpi_code
