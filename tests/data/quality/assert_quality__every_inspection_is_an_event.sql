-- Inspections of the export against the events: a row here is a step whose records got
-- lost or were counted twice on the way.
with expected as (
    select
        'inspect_first' as activity_code,
        count(inspected_at) as source_rows
    from {{ ref('stg_mes__inspections') }}
    where inspection_no = 1
    union all
    select
        'reinspect' as activity_code,
        count(inspected_at) as source_rows
    from {{ ref('stg_mes__inspections') }}
    where inspection_no <> 1
    union all
    select
        'release' as activity_code,
        count(released_at) as source_rows
    from {{ ref('stg_mes__inspections') }}
),

actual as (
    select
        activity_code,
        count(*) as source_rows
    from {{ ref('int_quality__events') }}
    group by activity_code
)

select
    expected.activity_code,
    expected.source_rows as expected_rows,
    actual.source_rows as actual_rows
from expected
left join actual
    on expected.activity_code = actual.activity_code
where expected.source_rows <> coalesce(actual.source_rows, 0)
