-- Grain: one row per solution in use, on the day its effect was measured; without one,
-- on the day it came into use.
with scoped as (
    select
        ideas.*,
        case ideas.metric_direction_code when 'higher' then -1 else 1 end
        * (ideas.baseline_hundredths - ideas.result_hundredths) as gain_hundredths,
        freshness.data_as_of as kpi_data_as_of,
        case
            when
                ideas.measured_on is null
                or ideas.result_hundredths is null
                or ideas.metric_direction_code is null
                or coalesce(ideas.baseline_hundredths, 0) <= 0
                then 'not_measured'
        end as reason
    from {{ ref('int_collaboration__instances') }} as ideas
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'collaboration.efficiency_gain_pct'
    where ideas.is_solution and ideas.adopted_at < freshness.data_as_of
)

select
    'collaboration.efficiency_gain_pct' as kpi_code,
    process_instance_id as subject_id,
    'company' as segment_code,
    case when reason is null then measured_on else adopted_on end as measured_on,
    -- Basis points, rounded half up.
    case
        when reason is null
            then
                cast(
                    floor(
                        cast(
                            20000 * gain_hundredths + baseline_hundredths as double
                        ) / (2 * baseline_hundredths)
                    ) as bigint
                )
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from scoped
