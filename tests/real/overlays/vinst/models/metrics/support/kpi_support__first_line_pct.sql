-- Grain: one row per incident, on the day of its first completion; while open, on the
-- last day covered.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when instances.first_completed_at is null then 'not_completed_yet'
        end as reason
    from {{ ref('int_support__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'support.first_line_pct'
)

select
    'support.first_line_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    coalesce(
        {{ local_date('first_completed_at', "'Europe/Brussels'") }},
        {{ last_covered_date('kpi_data_as_of', "'Europe/Brussels'") }}
    ) as measured_on,
    case
        when reason is null
            then cast(case when highest_line = 1 then 1 else 0 end as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_completed_yet' then 'open'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
