-- Grain: one row per delivered line, its newest version.
with ranked as (
    select
        *,
        row_number() over (
            partition by line_no
            -- The later entry is newer; the rest makes the choice repeatable.
            order by recorded_on desc, _batch_id desc, _record_no desc
        ) as version_rank
    from {{ source('scms', 'deliveries') }}
)

select
    line_no,
    vendor = 'SCMS from RDC' as is_own_warehouse,
    product_group as product_group_code,
    quoted_on,
    ordered_on,
    scheduled_on,
    delivered_on,
    recorded_on,
    cast(packs as bigint) as packs,
    cast(line_value * 100 as bigint) as line_cents,
    _batch_id as batch_id
from ranked
where version_rank = 1
