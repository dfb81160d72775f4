-- Grain: one row per process and what followed an activity: the next two steps.
with steps as (
    select
        steps.process_code,
        steps.process_instance_id,
        steps.event_no,
        steps.activity_code,
        steps.occurrence_no,
        instances.is_ended
    from {{ ref('fct_process_steps') }} as steps
    inner join {{ ref('int_discovery_instances') }} as instances
        on steps.process_code = instances.process_code
        and steps.process_instance_id = instances.process_instance_id
    where steps.state = 'completed'
),

followed as (
    select
        *,
        lead(activity_code) over instance_order as next_activity_code,
        lead(occurrence_no) over instance_order as next_occurrence_no,
        lead(activity_code, 2) over instance_order as second_activity_code
    from steps
    window
        instance_order as (
            partition by process_code, process_instance_id
            order by event_no
        )
)

select
    process_code,
    activity_code,
    next_activity_code,
    case
        when next_activity_code is not null then 'step'
        when is_ended then 'end'
        else 'open'
    end as next_kind,
    coalesce(next_occurrence_no > 1, false) as is_return,
    coalesce(second_activity_code = activity_code, false) as is_straight_back,
    count(*) as moves
from followed
group by
    process_code,
    activity_code,
    next_activity_code,
    case
        when next_activity_code is not null then 'step'
        when is_ended then 'end'
        else 'open'
    end,
    coalesce(next_occurrence_no > 1, false),
    coalesce(second_activity_code = activity_code, false)
