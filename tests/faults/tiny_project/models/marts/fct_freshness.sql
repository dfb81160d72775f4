-- Grain: one row per export.
select
    states.export_code,
    states.data_as_of,
    states.is_stale,
    states.stale_reason,
    states.rows_loaded,
    cast((select count(*) from {{ source('shop', 'returns') }}) as bigint) as returns
from {{ source('takt', 'export_states') }} as states
