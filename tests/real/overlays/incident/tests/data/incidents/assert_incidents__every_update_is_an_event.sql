-- A row here is an update that the core does not show, or an event without an update.
with counts as (
    select
        (select count(*) from {{ ref('stg_servicenow__incident_updates') }})
            as updates,
        (
            select count(*) from {{ ref('fct_events') }}
            where process_code = 'incidents'
        ) as events
)

select
    updates,
    events
from counts
where updates != events
