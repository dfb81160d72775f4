-- Grain: one row per lot that any inspection names.
with freshness as (
    select
        case
            when count(*) = count(data_as_of)
                then least(min(data_as_of), {{ as_of() }})
        end as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code = 'mes.inspections'
),

lots as (
    select
        lot_no,
        coalesce(min(category_code), 'unknown') as segment_code,
        min(line_no) as line_no,
        max(case when is_trial then 1 else 0 end) = 1 as is_trial,
        min(case when inspection_no = 1 then inspected_at end) as first_inspected_at,
        min(case when inspection_no = 1 then submitted_units end)
            as first_submitted_units,
        min(case when inspection_no = 1 then passed_units end) as first_passed_units,
        min(inspected_at) as known_since_at,
        max(inspected_at) as last_inspected_at,
        max(released_at) as released_at,
        count(*) as inspection_count
    from {{ ref('stg_mes__inspections') }}
    group by lot_no
)

select
    'quality' as process_code,
    lots.lot_no as process_instance_id,
    lots.segment_code,
    lots.first_inspected_at as started_at,
    lots.released_at as ended_at,
    {{ local_date('lots.first_inspected_at') }} as started_on,
    {{ local_date('lots.released_at') }} as ended_on,
    false as is_cancelled,
    case when lots.released_at is not null then 'released' end as outcome_code,
    case
        when lots.is_trial then 'trial_lot'
        when lots.first_inspected_at is null then 'missing_milestone'
        when lots.released_at < lots.first_inspected_at then 'reversed_clock'
    end as exclusion_reason,
    cast(null as timestamp) as due_at,
    cast(null as string) as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of,
    lots.line_no,
    lots.is_trial,
    lots.first_inspected_at,
    lots.first_submitted_units,
    lots.first_passed_units,
    lots.last_inspected_at,
    lots.released_at,
    lots.inspection_count,
    lots.known_since_at,
    {{ local_date('lots.first_inspected_at') }} as first_inspected_on,
    {{ local_date('lots.known_since_at') }} as known_since_on
from lots
cross join freshness
