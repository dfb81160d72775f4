-- Grain: one row per invoice, on its day.
with sales as (
    select
        instances.*,
        {{ add_seconds('instances.started_at', 30 * 86400) }} as window_ends_at,
        freshness.data_as_of as kpi_data_as_of
    from {{ ref('int_retail__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'retail.repeat_purchase_pct'
    where instances.outcome_code = 'sale'
),

came_back as (
    select distinct sales.process_instance_id
    from sales
    inner join sales as later
        on
        sales.requester_id = later.requester_id
        and sales.started_at < later.started_at
        and sales.window_ends_at >= later.started_at
),

reasoned as (
    select
        sales.*,
        came_back.process_instance_id is not null as has_come_back,
        case
            when sales.requester_id is null then 'unknown_customer'
            -- Undecided though a repeat may be known: early hits would bias the rate.
            when sales.window_ends_at > sales.kpi_data_as_of then 'window_running'
        end as reason
    from sales
    left join came_back
        on sales.process_instance_id = came_back.process_instance_id
)

select
    'retail.repeat_purchase_pct' as kpi_code,
    process_instance_id as subject_id,
    segment_code,
    started_on as measured_on,
    case
        when reason is null
            then cast(case when has_come_back then 1 else 0 end as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'window_running' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
