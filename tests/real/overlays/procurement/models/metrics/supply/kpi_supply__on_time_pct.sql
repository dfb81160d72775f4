-- Grain: one row per delivered line, on the day for which it was promised.
with reasoned as (
    select
        instances.*,
        freshness.data_as_of as kpi_data_as_of,
        case
            when instances.is_own_warehouse then 'internal_supplier'
            -- Undecided though it has come: early deliveries alone would bias the day.
            when
                instances.scheduled_on
                > {{ last_covered_date('freshness.data_as_of') }}
                then 'not_due_yet'
        end as reason
    from {{ ref('int_supply__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'supply.on_time_pct'
)

select
    'supply.on_time_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    scheduled_on as measured_on,
    case
        when reason is null
            then
                cast(case when delivered_on <= scheduled_on then 1 else 0 end as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_due_yet' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
