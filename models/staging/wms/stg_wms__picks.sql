-- Grain: one row per picked order line, again per repeated pick of the line.
with numbered as (
    select
        *,
        row_number() over (
            partition by order_no, line_no
            -- A line picked twice keeps both picks, numbered in time; the file and
            -- the row decide between picks of one second.
            order by pick_end, pick_start, _period, _record_no, _batch_id
        ) as pick_no
    from {{ source('wms', 'picks') }}
    where order_no is not null
)

select
    order_no
    || '-' || lpad(cast(coalesce(line_no, 0) as varchar), 4, '0')
    || '-' || lpad(cast(pick_no as varchar), 2, '0') as pick_id,
    order_no,
    line_no,
    pick_no,
    sku,
    nullif(trim(category), '') as category_code,
    picker_id,
    pick_start as pick_started_at,
    pick_end as picked_at,
    recheck_at as rechecked_at,
    upper(trim(recheck_result)) as recheck_result_code,
    nullif(trim(error_type), '') as error_type_code,
    packed_at,
    _batch_id as batch_id
from numbered
