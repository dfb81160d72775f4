-- Grain: one row per process instance with events: the order of its activities.
with events as (
    select
        *,
        lag(activity_code) over (
            partition by process_code, process_instance_id
            order by event_no
        ) as previous_activity_code
    from {{ ref('fct_events') }}
),

joined as (
    select
        process_code,
        process_instance_id,
        count(*) as events,
        {{ ordered_concat('activity_code', 'event_no', 'chr(31)') }} as activity_path,
        {{ ordered_concat(
            "case when event_no = 1 or activity_code <> previous_activity_code "
            ~ "then activity_code end",
            'event_no', 'chr(31)'
        ) }} as collapsed_activity_path
    from events
    group by process_code, process_instance_id
)

select
    process_code,
    process_instance_id,
    cast(events as bigint) as events,
    -- The separator cannot occur in a code, so no two orders share a path.
    md5(activity_path) as variant_id,
    md5(collapsed_activity_path) as collapsed_variant_id,
    activity_path
from joined
