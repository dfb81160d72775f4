-- Grain: one row per process with a step that is hard to quantify.
with processes as (
    select distinct process_code
    from {{ ref('dim_process_steps') }}
    where is_hard_to_quantify and not is_retired
),

attained as (
    select
        status.kpi_code,
        status.process_code,
        -- Ratings are people's judgement of behaviour and weigh on their own.
        case
            when kpis.kind = 'outcome' then 'outcome'
            when kpis.family = 'satisfaction' then 'rating'
            else 'behaviour'
        end as part,
        max(coalesce(kpis.weight, 1)) as weight,
        max_by(status.attainment, status.period_start) as attainment
    from {{ ref('fct_kpi_status') }} as status
    inner join {{ ref('dim_kpis') }} as kpis
        on status.kpi_code = kpis.kpi_code
    inner join processes
        on status.process_code = processes.process_code
    where
        status.segment_code = 'all'
        and status.is_final
        and status.attainment is not null
        and kpis.status = 'active'
    group by status.kpi_code, status.process_code, part
),

parts as (
    select
        attained.process_code,
        attained.part,
        max(
            case attained.part
                when 'behaviour' then figures.weight_behaviour
                when 'outcome' then figures.weight_outcome
                else figures.weight_rating
            end
        ) as part_weight,
        round(
            sum(attained.weight * least(attained.attainment, 1)) / sum(attained.weight),
            4
        ) as attainment
    from attained
    inner join {{ ref('int_kpi_defaults') }} as figures
        on attained.kpi_code = figures.kpi_code
    group by attained.process_code, attained.part
)

select
    processes.process_code,
    max(case when parts.part = 'behaviour' then parts.attainment end) as behaviour,
    max(case when parts.part = 'outcome' then parts.attainment end) as outcome,
    max(case when parts.part = 'rating' then parts.attainment end) as rating,
    round(
        sum(parts.part_weight * parts.attainment) / sum(parts.part_weight), 4
    ) as score
from processes
left join parts on processes.process_code = parts.process_code
group by processes.process_code
