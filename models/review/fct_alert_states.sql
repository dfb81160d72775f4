-- Grain: one row per KPI, segment, rule, side and official period that is over.
with judging as (
    select
        *,
        condition <> 'unchanged' as is_effective
    from {{ ref('int_alert_conditions') }}
),

effective as (
    select
        *,
        row_number() over machines
        - row_number() over (
            partition by
                kpi_code, segment_code, rule_id, side, judging_epoch, condition
            order by period_start
        ) as run_id
    from judging
    where is_effective
    window machines as (
        partition by kpi_code, segment_code, rule_id, side, judging_epoch
        order by period_start
    )
),

run_lengths as (
    select
        kpi_code,
        segment_code,
        rule_id,
        side,
        period_start,
        row_number() over (
            partition by
                kpi_code, segment_code, rule_id, side, judging_epoch, condition, run_id
            order by period_start
        ) as run_length
    from effective
),

latched as (
    -- An alert fires when enough fires ran in a row, and ends when enough clears did:
    -- the later of the two events is the state, whatever lies between.
    select
        judging.*,
        case
            when
                judging.condition = 'fire'
                and run_lengths.run_length >= judging.needed_fires
                then judging.period_start
        end as ignited_on,
        case
            when
                judging.condition = 'clear'
                and run_lengths.run_length >= judging.needed_clears
                then judging.period_start
        end as extinguished_on
    from judging
    left join run_lengths
        on judging.kpi_code = run_lengths.kpi_code
        and judging.segment_code = run_lengths.segment_code
        and judging.rule_id = run_lengths.rule_id
        and judging.side = run_lengths.side
        and judging.period_start = run_lengths.period_start
),

remembered as (
    select
        *,
        max(ignited_on) over machines as last_ignited_on,
        max(extinguished_on) over machines as last_extinguished_on,
        last_value(case when is_effective then condition end ignore nulls)
            over machines as last_condition
    from latched
    window machines as (
        partition by kpi_code, segment_code, rule_id, side, judging_epoch
        order by period_start
        rows between unbounded preceding and current row
    )
),

stated as (
    select
        *,
        coalesce(
            last_ignited_on > last_extinguished_on, last_ignited_on is not null
        ) as is_open,
        -- Between two ends there is one episode; it begins where it fired first.
        min(ignited_on) over (
            partition by
                kpi_code,
                segment_code,
                rule_id,
                side,
                judging_epoch,
                last_extinguished_on
        ) as stretch_onset_on
    from remembered
),

followed as (
    select
        *,
        case when is_open then stretch_onset_on end as open_onset_on,
        lag(case when is_open then stretch_onset_on end) over (
            partition by kpi_code, segment_code, rule_id, side, judging_epoch
            order by period_start
        ) as earlier_onset_on
    from stated
)

select
    kpi_code,
    segment_code,
    process_code,
    rule_id,
    side,
    fingerprint,
    major,
    judging_epoch,
    period_grain,
    period_start,
    period_end,
    value,
    judged_value,
    n,
    n_min,
    limit_value,
    clear_value,
    bound_value,
    condition,
    case
        when is_open and open_onset_on = period_start then 'fired'
        when is_open then 'already_open'
        when condition = 'fire' then 'pending'
        else condition_reason
    end as decision,
    case
        when is_open and last_condition = 'clear' then 'recovering'
        when is_open then 'firing'
        when last_condition = 'fire' then 'pending'
        else 'normal'
    end as alert_state,
    case
        when is_open and open_onset_on = period_start then 'fired'
        when not is_open and earlier_onset_on is not null then 'recovered'
    end as change,
    coalesce(open_onset_on, earlier_onset_on) as onset_on,
    condition_reason,
    is_held,
    data_as_of
from followed
