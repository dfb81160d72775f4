-- Grain: one row per KPI and subject.
-- A new KPI adds the name of its model to the list.
{% set kpis = [
    'kpi_calls__fcr_pct',
    'kpi_calls__handle_seconds',
    'kpi_calls__issue_resolution_pct',
    'kpi_calls__satisfaction_score',
    'kpi_collaboration__adopted_solutions_count',
    'kpi_collaboration__efficiency_gain_pct',
    'kpi_collaboration__meeting_participation_pct',
    'kpi_collaboration__rating_360_score',
    'kpi_collaboration__suggestions_per_head',
    'kpi_leads__assignment_hours',
    'kpi_leads__conversion_pct',
    'kpi_leads__followups_per_week',
    'kpi_company__revenue_vs_prior_year_pct',
    'kpi_complaints__dispatch_accuracy_pct',
    'kpi_complaints__dispatch_minutes',
    'kpi_complaints__handling_error_rate_pct',
    'kpi_complaints__repeat_rate_pct',
    'kpi_complaints__resolution_hours',
    'kpi_orders__delivery_satisfaction_score',
    'kpi_orders__dispatch_accuracy_pct',
    'kpi_orders__dispatch_minutes',
    'kpi_orders__info_accuracy_pct',
    'kpi_orders__pick_accuracy_pct',
    'kpi_orders__processing_minutes',
    'kpi_orders__same_day_ship_eligible_pct',
    'kpi_orders__same_day_ship_pct',
    'kpi_quality__first_pass_yield_pct',
    'kpi_quality__return_rate_pct',
    'kpi_procurement__cycle_hours',
    'kpi_procurement__price_vs_standard_pct',
    'kpi_procurement__supplier_otd_pct',
    'kpi_procurement__unit_price_cny',
] %}

{% for kpi in kpis %}
select
    kpi_code,
    subject_id,
    segment_code,
    measured_on,
    numerator,
    denominator,
    state,
    exclusion_reason,
    data_as_of
from {{ ref(kpi) }}
{{ 'union all' if not loop.last }}
{% endfor %}
