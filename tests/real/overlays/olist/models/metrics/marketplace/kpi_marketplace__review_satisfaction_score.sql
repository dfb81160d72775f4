-- Grain: one row per answer about an order, on the day of the answer.
with reasoned as (
    select
        answers.answer_id,
        answers.answered_at,
        answers.score,
        instances.first_category_code,
        case
            when answers.answer_no > 1 then 'duplicate_answer'
            when answers.score not between 1 and 5 then 'out_of_scale'
        end as exclusion_reason
    from {{ ref('int_marketplace__answers') }} as answers
    left join {{ ref('int_marketplace__instances') }} as instances
        on answers.order_id = instances.process_instance_id
)

select
    'marketplace.review_satisfaction_score' as kpi_code,
    reasoned.answer_id as subject_id,
    coalesce(reasoned.first_category_code, 'unknown') as segment_code,
    {{ local_date('reasoned.answered_at', "'America/Sao_Paulo'") }} as measured_on,
    case when reasoned.exclusion_reason is null then reasoned.score end as numerator,
    case when reasoned.exclusion_reason is null then cast(1 as bigint) end
        as denominator,
    case when reasoned.exclusion_reason is null then 'counted' else 'excluded' end
        as state,
    reasoned.exclusion_reason,
    freshness.data_as_of
from reasoned
inner join {{ ref('int_kpi_freshness') }} as freshness
    on freshness.kpi_code = 'marketplace.review_satisfaction_score'
