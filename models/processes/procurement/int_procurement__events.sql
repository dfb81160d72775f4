-- Grain: one row per milestone that a requisition line has reached.
{% set milestones = [
    ('request', 'requested_at', 'operations'),
    ('approve_1', 'approved_1_at', 'operations'),
    ('approve_2', 'approved_2_at', 'finance'),
    ('quote', 'quoted_at', 'purchasing'),
    ('issue_po', 'po_issued_at', 'purchasing'),
    ('cancel', 'cancelled_at', 'purchasing'),
] %}

with milestone_events as (
    {% for activity_code, moment, org_unit_code in milestones %}
    select
        requisition_line_no,
        '{{ activity_code }}' as activity_code,
        {{ moment }} as occurred_at,
        '{{ org_unit_code }}' as org_unit_code,
        batch_id
    from {{ ref('stg_erp__purchase_order_lines') }}
    where {{ moment }} is not null
    union all
    {% endfor %}
    select
        requisition_line_no,
        'receive_goods' as activity_code,
        -- The ERP knows the day only.
        {{ local_to_utc('cast(received_on as timestamp)') }} as occurred_at,
        'warehouse' as org_unit_code,
        batch_id
    from {{ ref('stg_erp__purchase_order_lines') }}
    where received_on is not null
)

select
    'procurement' as process_code,
    requisition_line_no as process_instance_id,
    requisition_line_no || '-' || activity_code as event_id,
    activity_code,
    cast(null as timestamp) as started_at,
    occurred_at,
    cast(null as string) as resource_id,
    org_unit_code,
    'erp' as source_system,
    batch_id
from milestone_events
