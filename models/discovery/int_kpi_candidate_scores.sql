-- Grain: one row per candidate that can be measured.
{% set parts = [
    'impact', 'reliability', 'control', 'outcome', 'dispersion', 'signal'
] %}

with candidates as (
    select
        found.*,
        templates.anchor,
        templates.kind,
        templates.family,
        templates.counters,
        templates.unit as unit_shown,
        templates.scale as scale_shown
    from {{ ref('int_kpi_candidates_found') }} as found
    inner join {{ ref('stg_registers__kpi_templates') }} as templates
        on found.template_code = templates.template_code
    where found.refusal_reason is null
),

figures as (
    select * from {{ ref('int_discovery_defaults') }}
),

ended as (
    select * from {{ ref('int_kpi_candidate_facts') }}
    where is_closed
),

processes as (
    select
        process_code,
        sum(lead_elapsed_seconds) as lead_seconds,
        sum(sojourn_elapsed_seconds) as sojourn_seconds,
        sum(
            case
                when sojourn_elapsed_seconds is not null then processing_elapsed_seconds
            end
        ) as processing_seconds,
        coalesce(
            sum(case when lead_elapsed_seconds is not null then external_seconds end), 0
        ) as external_seconds
    from ended
    group by process_code
),

spread as (
    select
        candidate_id,
        sum(numerator) / sum(denominator) as mean,
        quantile_cont(numerator / denominator, 0.5) as p50,
        quantile_cont(numerator / denominator, 0.85) as p85,
        min(measured_on) as first_on,
        max(measured_on) as last_on
    from {{ ref('int_kpi_candidate_cases') }}
    group by candidate_id
),

covered as (
    select
        spread.candidate_id,
        count(*) as instances
    from spread
    inner join candidates
        on spread.candidate_id = candidates.candidate_id
    inner join ended
        on candidates.process_code = ended.process_code
        and spread.first_on <= ended.ended_on
        and spread.last_on >= ended.ended_on
    group by spread.candidate_id
),

periods as (
    select
        periods.candidate_id,
        max(periods.period_grain) as period_grain,
        count(*) as periods,
        max(periods.median_n) as median_n,
        sum(periods.numerator) / nullif(sum(periods.denominator), 0) as mean,
        quantile_cont(periods.numerator / nullif(periods.denominator, 0), 0.5) as p50,
        quantile_cont(periods.numerator / nullif(periods.denominator, 0), 0.85) as p85,
        count(distinct periods.numerator / nullif(periods.denominator, 0))
            as values_seen,
        avg(
            case
                when periods.n >= case
                    when candidates.measure_type = 'rate' then figures.n_min_rate
                    when candidates.measure_type in ('count', 'amount') then 1
                    else figures.n_min_other
                end then 1.0
                else 0.0
            end
        ) as measurable_share
    from {{ ref('int_kpi_candidate_periods') }} as periods
    inner join candidates
        on periods.candidate_id = candidates.candidate_id
    inner join figures
        on candidates.process_code = figures.process_code
    group by periods.candidate_id
),

joined as (
    select
        candidates.*,
        periods.period_grain,
        periods.periods,
        periods.median_n,
        coalesce(periods.mean, spread.mean) as mean,
        gates.is_date_only,
        figures.weight_impact,
        figures.weight_reliability,
        figures.weight_control,
        figures.weight_outcome,
        figures.weight_dispersion,
        figures.weight_signal,
        case
            when candidates.kind = 'outcome' then 1
            when candidates.template_code in ('T02', 'T03', 'T04', 'T13')
                then 1.0 * ends.spent_seconds / nullif(processes.lead_seconds, 0)
            when candidates.template_code = 'T17'
                then 1 - 1.0 * processes.processing_seconds / processes.sojourn_seconds
            else ends.extra_seconds / nullif(processes.lead_seconds, 0)
        end as impact,
        case
            when spread.candidate_id is null then 1
            else 1.0 * ends.instances / nullif(covered.instances, 0)
        end as reliability,
        case
            when candidates.anchor = 'process'
                then
                    1
                    - 1.0 * processes.external_seconds
                    / nullif(processes.lead_seconds, 0)
            when from_steps.activity_hint = 'wait_external' then 0
            when to_steps.activity_hint = 'wait_external' and to_steps.is_terminal
                then 0
            else 1
        end as control,
        ends.outcome,
        case
            when candidates.measure_type = 'rate'
                then 4 * periods.mean * (1 - periods.mean)
            when spread.candidate_id is null
                then 1 - periods.p50 / nullif(periods.p85, 0)
            else 1 - spread.p50 / nullif(spread.p85, 0)
        end as dispersion,
        case when periods.values_seen < 2 then 0 else periods.measurable_share end
            as signal
    from candidates
    inner join figures
        on candidates.process_code = figures.process_code
    inner join {{ ref('int_discovery_gates') }} as gates
        on candidates.process_code = gates.process_code
    inner join processes
        on candidates.process_code = processes.process_code
    left join {{ ref('fct_discovered_steps') }} as from_steps
        on candidates.process_code = from_steps.process_code
        and candidates.from_activity_code = from_steps.activity_code
    left join {{ ref('fct_discovered_steps') }} as to_steps
        on candidates.process_code = to_steps.process_code
        and candidates.to_activity_code = to_steps.activity_code
    left join spread
        on candidates.candidate_id = spread.candidate_id
    left join covered
        on candidates.candidate_id = covered.candidate_id
    left join {{ ref('int_kpi_candidate_ends') }} as ends
        on candidates.candidate_id = ends.candidate_id
    left join periods
        on candidates.candidate_id = periods.candidate_id
),

bounded as (
    select
        *,
        {% for part in parts %}
        round(
            case
                when {{ part }} < 0 then 0 when {{ part }} > 1 then 1 else {{ part }}
            end,
            9
        ) as {{ part }}_score,
        {% endfor %}
        case
            when unit_shown is not null then unit_shown
            when is_date_only then 'days'
            when mean < 300 then 'seconds'
            when mean < 4 * 3600 then 'minutes'
            when mean < 5 * 86400 then 'hours'
            else 'days'
        end as unit
    from joined
)

select
    candidate_id,
    process_code,
    template_code,
    from_activity_code,
    to_activity_code,
    kind,
    family,
    counters,
    unit,
    case
        when unit_shown is not null then scale_shown
        when unit = 'seconds' then 1.0
        when unit = 'minutes' then 1 / 60.0
        when unit = 'hours' then 1 / 3600.0
        else 1 / 86400.0
    end as scale,
    period_grain,
    periods,
    median_n,
    {% for part in parts %}
    {{ part }}_score as {{ part }},
    {% endfor %}
    case
        -- What is not known leaves its weight to the others.
        when periods is not null
            then round(
                (
                    {% for part in parts %}
                    {{ '+ ' if not loop.first }}coalesce(
                        weight_{{ part }} * {{ part }}_score, 0
                    )
                    {% endfor %}
                ) / (
                    {% for part in parts %}
                    {{ '+ ' if not loop.first }}case
                        when {{ part }}_score is null then 0 else weight_{{ part }}
                    end
                    {% endfor %}
                ),
                9
            )
    end as score
from bounded
