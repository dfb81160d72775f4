-- Grain: one row per inspection of a lot.
with ranked as (
    select
        *,
        row_number() over (
            partition by lot_no, inspection_no
            -- An inspection sent twice with other contents: the first one sent counts.
            order by _period, _record_no, _batch_id
        ) as arrival_rank
    from {{ source('mes', 'inspections') }}
    where lot_no is not null and inspection_no is not null
)

select
    lot_no || '-' || lpad(cast(inspection_no as string), 2, '0') as inspection_id,
    lot_no,
    line_no,
    case trim(category)
        when '灯俱' then '灯具'
        else nullif(trim(category), '')
    end as category_code,
    inspection_no,
    inspected_at,
    cast(units_submitted as bigint) as submitted_units,
    cast(units_passed as bigint) as passed_units,
    coalesce(lot_type = 'trial', false) as is_trial,
    released_at,
    inspector_id,
    _batch_id as batch_id
from ranked
where arrival_rank = 1
