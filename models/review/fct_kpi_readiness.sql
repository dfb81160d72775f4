-- Grain: one row per KPI that is not retired.
select
    facts.kpi_code,
    facts.register_status = 'active'
    and count(case when checks.is_finding and checks.severity = 'F' then 1 end) = 0
        as is_ready,
    coalesce(facts.target_verdict, 'insufficient') = 'insufficient' as is_on_trial,
    facts.grade as reliability_grade,
    count(case when checks.is_finding and checks.severity = 'F' then 1 end)
        as failed_checks,
    count(case when checks.is_finding and checks.severity = 'W' then 1 end)
        as warned_checks,
    string_agg(
        case when checks.is_finding and checks.severity = 'F' then checks.check_id end,
        ', ' order by checks.check_id
    ) as failed_check_ids
from {{ ref('int_smart_facts') }} as facts
inner join {{ ref('fct_smart_checks') }} as checks
    on facts.kpi_code = checks.kpi_code
group by facts.kpi_code, facts.register_status, facts.target_verdict, facts.grade
