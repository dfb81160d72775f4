-- Grain: one row per process instance of the periods that claims are tested in.
{{ config(materialized='view') }}

with dated as (
    select
        instances.process_code,
        instances.process_instance_id,
        instances.is_bad_end,
        figures.periods_max,
        case gates.test_period
            {% for grain in ['week', 'month', 'quarter'] %}
            when '{{ grain }}' then {{ period_start(grain, 'instances.tested_on') }}
            {% endfor %}
        end as period_start
    from {{ ref('int_discovery_instances') }} as instances
    inner join {{ ref('int_discovery_gates') }} as gates
        on instances.process_code = gates.process_code
    inner join {{ ref('int_discovery_defaults') }} as figures
        on instances.process_code = figures.process_code
    where
        instances.tested_on is not null
        and not gates.is_refused
        and not gates.has_few_periods
),

ranked as (
    select
        *,
        dense_rank() over (
            partition by process_code
            order by period_start desc
        ) as recency
    from dated
)

select
    process_code,
    process_instance_id,
    period_start,
    is_bad_end
from ranked
where recency <= periods_max
