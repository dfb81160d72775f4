-- Grain: one row per candidate that counts instances which have ended.
{% set endings = {'lead': 'lead_elapsed_seconds', 'bad_end': 'bad_end'} %}

with candidates as (
    select
        found.candidate_id,
        found.process_code,
        found.template_code,
        templates.derived_from
    from {{ ref('int_kpi_candidates_found') }} as found
    inner join {{ ref('stg_registers__kpi_templates') }} as templates
        on found.template_code = templates.template_code
    where found.refusal_reason is null
),

figures as (
    select * from {{ ref('int_discovery_defaults') }}
),

ended as (
    select
        *,
        row_number() over (
            partition by process_code
            order by ended_at desc, process_instance_id asc
        ) as recency
    from {{ ref('int_kpi_candidate_facts') }}
    where is_closed
),

valued as (
    -- A step may come several times; its instance ends but once.
    select
        candidate_id,
        process_instance_id,
        sum(numerator) as numerator,
        1.0 * sum(numerator) / sum(denominator) as value
    from {{ ref('int_kpi_candidate_cases') }}
    group by candidate_id, process_instance_id
),

usual_handovers as (
    select
        valued.candidate_id,
        median(valued.value) as value
    from valued
    inner join candidates
        on valued.candidate_id = candidates.candidate_id
        and candidates.template_code = 'T10'
    group by valued.candidate_id
),

matched as (
    select
        valued.candidate_id,
        valued.numerator,
        valued.value,
        candidates.derived_from,
        figures.outcome_cases,
        ended.recency,
        ended.lead_elapsed_seconds,
        cast(ended.is_bad_end as integer) as bad_end,
        case
            when candidates.template_code = 'T09' then valued.value < 1
            when candidates.template_code = 'T10'
                then valued.value > usual_handovers.value
            when candidates.template_code = 'T11' then valued.value > 0
        end as is_affected
    from valued
    inner join candidates
        on valued.candidate_id = candidates.candidate_id
    inner join ended
        on candidates.process_code = ended.process_code
        and valued.process_instance_id = ended.process_instance_id
    inner join figures
        on candidates.process_code = figures.process_code
    left join usual_handovers
        on valued.candidate_id = usual_handovers.candidate_id
),

reached as (
    select
        candidate_id,
        count(*) as instances,
        sum(case when lead_elapsed_seconds is not null then numerator end)
            as spent_seconds,
        count(case when is_affected then lead_elapsed_seconds end) as affected,
        avg(case when is_affected then lead_elapsed_seconds end)
        - avg(case when not is_affected then lead_elapsed_seconds end)
            as extra_seconds
    from matched
    group by candidate_id
),

ends as (
    {% for outcome, column in endings.items() %}
    select
        candidate_id,
        '{{ outcome }}' as outcome,
        value,
        {{ column }} as ending
    from matched
    where
        recency <= outcome_cases
        and {{ column }} is not null
        and coalesce(derived_from, '-') <> '{{ outcome }}'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

ranked as (
    -- Equal values share the mean of their ranks.
    select
        candidate_id,
        outcome,
        rank() over (partition by candidate_id, outcome order by value)
        + (count(*) over (partition by candidate_id, outcome, value) - 1) / 2.0
            as value_rank,
        rank() over (partition by candidate_id, outcome order by ending)
        + (count(*) over (partition by candidate_id, outcome, ending) - 1) / 2.0
            as ending_rank
    from ends
),

correlated as (
    select
        candidate_id,
        outcome,
        count(*) as instances,
        case
            when
                min(value_rank) < max(value_rank)
                and min(ending_rank) < max(ending_rank)
                then abs(corr(value_rank, ending_rank))
        end as rho
    from ranked
    group by candidate_id, outcome
),

moved_with as (
    select
        correlated.candidate_id,
        max(
            case
                when
                    correlated.rho * sqrt(correlated.instances - 1)
                    >= figures.outcome_evidence
                    then correlated.rho
                when correlated.rho is not null then 0
            end
        ) as outcome
    from correlated
    inner join candidates
        on correlated.candidate_id = candidates.candidate_id
    inner join figures
        on candidates.process_code = figures.process_code
    group by correlated.candidate_id
)

select
    reached.candidate_id,
    reached.instances,
    cast(reached.spent_seconds as bigint) as spent_seconds,
    reached.affected * reached.extra_seconds as extra_seconds,
    round(moved_with.outcome, 9) as outcome
from reached
left join moved_with
    on reached.candidate_id = moved_with.candidate_id
