-- Times in the newest state of all lines against events: a row here is a step whose
-- records got lost or were counted twice on the way.
{% set milestones = [
    ('request', 'requested_at'),
    ('approve_1', 'approved_1_at'),
    ('approve_2', 'approved_2_at'),
    ('quote', 'quoted_at'),
    ('issue_po', 'po_issued_at'),
    ('receive_goods', 'received_on'),
    ('cancel', 'cancelled_at'),
] %}

with expected as (
    {% for activity_code, moment in milestones %}
    select
        '{{ activity_code }}' as activity_code,
        count({{ moment }}) as source_rows
    from {{ ref('stg_erp__purchase_order_lines') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

actual as (
    select
        activity_code,
        count(*) as source_rows
    from {{ ref('int_procurement__events') }}
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
