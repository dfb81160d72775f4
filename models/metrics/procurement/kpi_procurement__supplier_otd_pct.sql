-- Grain: one row per requisition line that has fallen due, on its requested day.
with reasoned as (
    select
        order_lines.*,
        coalesce(
            order_lines.received_on <= order_lines.requested_on
            and order_lines.received_units >= order_lines.ordered_units,
            false
        ) as is_on_time_in_full,
        freshness.data_as_of as kpi_data_as_of,
        case
            -- What we call off before it is due, nobody can deliver on time.
            when
                order_lines.cancelled_by_code = 'us'
                and order_lines.cancelled_on <= order_lines.requested_on
                then 'cancelled_by_us'
            when order_lines.is_internal_supplier then 'internal_supplier'
        end as reason
    from {{ ref('int_procurement__instances') }} as order_lines
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'procurement.supplier_otd_pct'
    where
        order_lines.known_since_at < freshness.data_as_of
        -- The whole requested day must be over and known.
        and order_lines.requested_on < {{ local_date('freshness.data_as_of') }}
)

select
    'procurement.supplier_otd_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    requested_on as measured_on,
    case
        when reason is null
            then cast(case when is_on_time_in_full then 1 else 0 end as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case when reason is null then 'counted' else 'excluded' end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
