-- Grain: one row per problem, on the day of its first change.
-- Only closed problems are exported. Of a cohort that holds no open problem any share
-- closed in time would be too high, so none is counted.
select
    'problems.closed_in_30_days_pct' as kpi_code,
    instances.process_instance_id as subject_id,
    instances.segment_code,
    instances.started_on as measured_on,
    cast(null as bigint) as numerator,
    cast(null as bigint) as denominator,
    'excluded' as state,
    'only_closed_exported' as exclusion_reason,
    freshness.data_as_of
from {{ ref('int_problems__instances') }} as instances
inner join {{ ref('int_kpi_freshness') }} as freshness
    on freshness.kpi_code = 'problems.closed_in_30_days_pct'
