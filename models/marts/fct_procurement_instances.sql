-- Grain: one row per requisition line.
with observations as (
    select
        *,
        kpi_code = 'procurement.price_vs_standard_pct' as is_price
    from {{ ref('fct_kpi_observations') }}
    where kpi_code like 'procurement.%'
),

results as (
    select
        subject_id,
        max(case when kpi_code = 'procurement.cycle_hours' then numerator end)
            as cycle_elapsed_seconds,
        max(case when is_price then numerator end) as paid_cents,
        max(case when is_price then denominator end) as standard_cents,
        max(case when kpi_code = 'procurement.supplier_otd_pct' then numerator end) = 1
            as is_on_time_in_full
    from observations
    group by subject_id
)

select
    order_lines.process_instance_id as requisition_line_no,
    order_lines.segment_code,
    order_lines.item_code,
    order_lines.supplier_id,
    order_lines.is_internal_supplier,
    order_lines.po_no,
    order_lines.is_change_order,
    order_lines.is_cancelled,
    order_lines.cancelled_by_code,
    order_lines.outcome_code,
    order_lines.exclusion_reason,
    order_lines.started_at as requested_at,
    order_lines.approved_1_at,
    order_lines.approved_2_at,
    order_lines.quoted_at,
    order_lines.ended_at as po_issued_at,
    order_lines.cancelled_at,
    order_lines.requested_on,
    order_lines.promised_on,
    order_lines.received_on,
    order_lines.ordered_units,
    order_lines.received_units,
    order_lines.currency_code,
    order_lines.unit_price_cents,
    order_lines.standard_price_cents,
    results.cycle_elapsed_seconds,
    results.paid_cents,
    results.standard_cents,
    results.is_on_time_in_full,
    order_lines.data_as_of
from {{ ref('int_procurement__instances') }} as order_lines
left join results
    on order_lines.process_instance_id = results.subject_id
