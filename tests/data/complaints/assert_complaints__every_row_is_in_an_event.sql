-- Rows of the export against the rows behind the events: a row here is a kind of event
-- whose records got lost or were counted twice on the way.
with expected as (
    select
        case when event_code in ('handling_started', 'handled') then 'handling' end
            as part,
        count(*) as source_rows
    from {{ ref('stg_helpdesk__complaint_events') }}
    group by part
),

actual as (
    select
        case when activity_code = 'handle' then 'handling' end as part,
        sum(source_rows) as source_rows
    from {{ ref('int_complaints__events') }}
    group by part
)

select
    expected.part,
    expected.source_rows as expected_rows,
    actual.source_rows as actual_rows
from expected
left join actual
    on coalesce(expected.part, 'rest') = coalesce(actual.part, 'rest')
where expected.source_rows <> coalesce(actual.source_rows, 0)
