-- Grain: one row per lot, on the local day of its first inspection.
with reasoned as (
    select
        lots.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when lots.is_trial then 'trial_lot'
            when
                lots.first_inspected_at is null
                or lots.first_submitted_units is null
                or lots.first_passed_units is null
                then 'missing_milestone'
        end as reason
    from {{ ref('int_quality__instances') }} as lots
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'quality.first_pass_yield_pct'
    where lots.known_since_at < freshness.data_as_of
)

select
    'quality.first_pass_yield_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    coalesce(first_inspected_on, known_since_on) as measured_on,
    case when reason is null then first_passed_units end as numerator,
    case when reason is null then first_submitted_units end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
