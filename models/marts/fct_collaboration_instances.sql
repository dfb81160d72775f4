-- Grain: one row per idea.
with results as (
    select
        subject_id,
        max(numerator) as gain_basis_points
    from {{ ref('fct_kpi_observations') }}
    where kpi_code = 'collaboration.efficiency_gain_pct'
    group by subject_id
)

select
    ideas.process_instance_id as idea_no,
    ideas.segment_code,
    ideas.status_code,
    ideas.outcome_code,
    ideas.exclusion_reason,
    ideas.department_count,
    ideas.is_solution,
    ideas.started_on as submitted_on,
    ideas.adopted_on,
    ideas.measured_on,
    ideas.metric_code,
    ideas.metric_direction_code,
    ideas.baseline_hundredths,
    ideas.result_hundredths,
    results.gain_basis_points,
    ideas.data_as_of
from {{ ref('int_collaboration__instances') }} as ideas
left join results
    on ideas.process_instance_id = results.subject_id
where ideas.instance_kind = 'idea'
