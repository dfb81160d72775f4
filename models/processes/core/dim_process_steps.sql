-- Grain: one row per process and activity, as the process map stands on the as-of day.
with started as (
    select * from {{ ref('stg_registers__process_steps') }}
    where valid_from <= {{ as_of_date() }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by process_code, activity_code
            order by valid_from desc
        ) as version_rank
    from started
)

-- A retired step keeps its last version: its old events keep their order and meaning.
select
    process_code,
    activity_code,
    step_no,
    name_en,
    name_zh,
    org_unit_code,
    role_en,
    role_zh,
    node,
    value,
    nva_reason,
    kind,
    approval_level,
    is_terminal,
    is_after_end,
    is_hard_to_quantify,
    owner_code,
    valid_to is not null and valid_to <= {{ as_of_date() }} as is_retired
from ranked
where version_rank = 1
