-- Grain: one row per completed event, beside how far its instance had come on the map.
with visits as (
    select
        steps.process_code,
        steps.process_instance_id,
        steps.event_id,
        steps.event_no,
        steps.activity_code,
        steps.occurrence_no,
        -- Rework and changes may come at any time, milestones after the end as well.
        case
            when steps.kind in ('work', 'approval') and not steps.is_after_end
                then map_steps.step_no
        end as ordered_step_no
    from {{ ref('fct_process_steps') }} as steps
    left join {{ ref('dim_process_steps') }} as map_steps
        on steps.process_code = map_steps.process_code
        and steps.activity_code = map_steps.activity_code
    where steps.state = 'completed'
),

placed as (
    select
        *,
        max(ordered_step_no) over (
            partition by process_code, process_instance_id
            order by event_no
            rows between unbounded preceding and 1 preceding
        ) as furthest_step_no
    from visits
)

select
    process_code,
    process_instance_id,
    event_id,
    event_no,
    activity_code,
    ordered_step_no,
    furthest_step_no,
    -- A later visit is rework, which has its own count.
    coalesce(
        occurrence_no = 1 and ordered_step_no < furthest_step_no, false
    ) as is_out_of_order
from placed
