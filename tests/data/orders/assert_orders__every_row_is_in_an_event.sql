-- Rows of the exports against the rows behind the events: a row here is a step whose
-- records got lost or were counted twice on the way.
with expected as (
    select
        'receive' as activity_code,
        count(received_at) as source_rows
    from {{ ref('stg_erp__orders') }}
    union all
    select
        'dispatch' as activity_code,
        count(dispatched_at) as source_rows
    from {{ ref('stg_erp__orders') }}
    union all
    select
        'pick' as activity_code,
        count(*) as source_rows
    from {{ ref('stg_wms__picks') }}
    where pick_started_at is not null or picked_at is not null
    union all
    select
        'hand_over' as activity_code,
        count(*) as source_rows
    from {{ ref('stg_carrier__shipment_events') }}
    where event_code = 'accepted'
    union all
    select
        'deliver' as activity_code,
        count(*) as source_rows
    from {{ ref('stg_carrier__shipment_events') }}
    where event_code <> 'accepted'
    union all
    select
        'survey' as activity_code,
        count(order_no) as source_rows
    from {{ ref('stg_survey__delivery_answers') }}
),

actual as (
    select
        activity_code,
        sum(source_rows) as source_rows
    from {{ ref('int_orders__events') }}
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
