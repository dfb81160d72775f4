-- What reaches an activity leaves it, as often as it happens.
with visits as (
    select
        process_code,
        activity_code,
        1 as visits,
        0 as inflow,
        0 as outflow
    from {{ ref('fct_events') }}
    union all
    select
        process_code,
        to_activity_code as activity_code,
        0 as visits,
        1 as inflow,
        0 as outflow
    from {{ ref('fct_process_paths') }}
    where path_kind in ('start', 'step')
    union all
    select
        process_code,
        from_activity_code as activity_code,
        0 as visits,
        0 as inflow,
        1 as outflow
    from {{ ref('fct_process_paths') }}
    where path_kind in ('step', 'end', 'open')
)

select
    process_code,
    activity_code,
    sum(visits) as visits,
    sum(inflow) as inflow,
    sum(outflow) as outflow
from visits
group by process_code, activity_code
having sum(visits) <> sum(inflow) or sum(visits) <> sum(outflow)
