-- Grain: one row per requisition line, on the local day its order was issued; while
-- open, on the last covered day.
with scoped as (
    select
        order_lines.*,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_procurement__instances') }} as order_lines
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'procurement.cycle_hours'
    where order_lines.known_since_at < freshness.data_as_of
),

reasoned as (
    select
        *,
        {{ elapsed_seconds('started_at', 'ended_at') }} as cycle_elapsed_seconds,
        case
            -- Nothing is approved or quoted anew: it would shorten the mean.
            when is_change_order then 'change_order'
            when is_cancelled then 'cancelled'
            when started_at is null or is_order_date_lost then 'missing_milestone'
            when ended_at < started_at then 'reversed_clock'
            when ended_at is null then 'not_ordered_yet'
        end as reason
    from scoped
)

select
    'procurement.cycle_hours' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    case
        when reason = 'not_ordered_yet'
            then {{ last_covered_date('kpi_data_as_of') }}
        else coalesce(ended_on, started_on, known_since_on)
    end as measured_on,
    case
        when reason is null
            then cast(cycle_elapsed_seconds as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_ordered_yet' then 'open'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
