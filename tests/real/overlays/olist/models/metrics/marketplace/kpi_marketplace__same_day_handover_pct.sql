-- Grain: one row per order, on the day of its approval; without one, on the day of the
-- order, and while it may still come, on the last day the orders cover.
{% set zone = "'America/Sao_Paulo'" %}
with dated as (
    select
        instances.*,
        {{ local_date(
            'coalesce(instances.approved_at, instances.started_at)', zone
        ) }} as base_on,
        {{ local_date('instances.handed_over_at', zone) }} as handed_over_on,
        freshness.data_as_of as kpi_data_as_of,
        {{ last_covered_date('freshness.data_as_of', zone) }} as last_on
    from {{ ref('int_marketplace__instances') }} as instances
    inner join {{ ref('int_kpi_freshness') }} as freshness
        on freshness.kpi_code = 'marketplace.same_day_handover_pct'
),

reasoned as (
    select
        *,
        case
            -- Nothing can be handed over; first, so that all such orders show.
            when item_count = 0 then 'no_items'
            when
                approved_at is null
                and coalesce(handed_over_at, delivered_at) is not null
                then 'missing_milestone'
            when handed_over_at is null and delivered_at is not null
                then 'missing_milestone'
            when handed_over_at < approved_at then 'reversed_clock'
            when handed_over_at is null and is_cancelled then 'cancelled'
            when approved_at is null then 'not_approved_yet'
            when base_on > last_on then 'day_not_over'
        end as reason
    from dated
)

select
    'marketplace.same_day_handover_pct' as kpi_code,
    process_instance_id as subject_id,
    coalesce(first_seller_state_code, 'unknown') as segment_code,
    case when reason = 'not_approved_yet' then last_on else base_on end as measured_on,
    case
        when reason is null
            then cast(case when handed_over_on = base_on then 1 else 0 end as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
        when reason = 'not_approved_yet' then 'open'
        when reason = 'day_not_over' then 'undecided'
        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
