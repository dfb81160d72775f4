-- A row here is an answer that the satisfaction score neither counts nor excludes.
select answers.answer_id
from {{ ref('stg_survey__delivery_answers') }} as answers
inner join {{ ref('int_kpi_freshness') }} as freshness
    on freshness.kpi_code = 'orders.delivery_satisfaction_score'
left join {{ ref('kpi_orders__delivery_satisfaction_score') }} as observations
    on answers.answer_id = observations.subject_id
where
    observations.subject_id is null
    and {{ local_to_utc('cast(answers.answered_on as timestamp)') }}
    < freshness.data_as_of
