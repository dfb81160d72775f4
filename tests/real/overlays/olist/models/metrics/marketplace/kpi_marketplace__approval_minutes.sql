-- Grain: one row per order, on the day of its approval; while unapproved, on the last
-- day the orders cover.
with reasoned as (
    select
        *,
        {{ elapsed_seconds('started_at', 'approved_at') }} as elapsed_seconds,
        coalesce(handed_over_at, delivered_at) as later_at,
        case
            when approved_at < started_at then 'reversed_clock'
            when approved_at is not null then null
            when handed_over_at is not null or delivered_at is not null
                then 'missing_milestone'
            when is_cancelled then 'cancelled'
            else 'not_approved_yet'
        end as reason
    from {{ ref('int_marketplace__instances') }}
)

select
    'marketplace.approval_minutes' as kpi_code,
    reasoned.process_instance_id as subject_id,
    coalesce(reasoned.first_payment_type_code, 'unknown') as segment_code,
    case
        when reasoned.reason = 'not_approved_yet'
            then {{ last_covered_date(
                'freshness.data_as_of', "'America/Sao_Paulo'"
            ) }}
        else
            {{
                local_date(
                    'coalesce(reasoned.approved_at, reasoned.later_at,'
                    ~ ' reasoned.started_at)',
                    "'America/Sao_Paulo'"
                )
            }}
    end as measured_on,
    case when reasoned.reason is null then reasoned.elapsed_seconds end as numerator,
    case when reasoned.reason is null then cast(1 as bigint) end as denominator,
    case
        when reasoned.reason is null then 'counted'
        when reasoned.reason = 'not_approved_yet' then 'open'
        else 'excluded'
    end as state,
    reasoned.reason as exclusion_reason,
    freshness.data_as_of
from reasoned
inner join {{ ref('int_kpi_freshness') }} as freshness
    on freshness.kpi_code = 'marketplace.approval_minutes'
