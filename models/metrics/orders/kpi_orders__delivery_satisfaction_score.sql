-- Grain: one row per answer about a delivery, on its local day.
with scoped as (
    select
        answers.*,
        coalesce(answers.score between 1 and 5, false) as is_in_scale,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_orders__answers_given') }} as answers
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'orders.delivery_satisfaction_score'
    where answers.answered_at < freshness.data_as_of
),

ranked as (
    select
        *,
        row_number() over (
            partition by order_no, is_in_scale
            -- A figure outside the scale is no answer: it must not use up the first
            -- place. The number of the answer is unique in its order.
            order by answer_no
        ) as rank_in_scale
    from scoped
),

reasoned as (
    select
        *,
        case
            when is_test then 'test_record'
            when not is_in_scale then 'out_of_scale'
            when order_no is not null and rank_in_scale > 1 then 'duplicate_answer'
        end as reason
    from ranked
)

select
    'orders.delivery_satisfaction_score' as kpi_code,
    answer_id as subject_id,
    segment_code,
    answered_on as measured_on,
    case when reason is null then score end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
