-- Grain: one row per lead, its newest version.
with ranked as (
    select
        *,
        row_number() over (
            partition by lead_id
            -- At equal update times the later file, then the later row, is newer.
            order by updated_at desc, _period desc, _record_no desc, _batch_id desc
        ) as version_rank
    from {{ source('crm', 'leads') }}
    where lead_id is not null
)

select
    lead_id,
    nullif(trim(source), '') as source_code,
    created_at,
    assigned_at,
    owner_id,
    nullif(trim(stage), '') as stage_code,
    quoted_at,
    won_at,
    lost_at,
    nullif(trim(lost_reason), '') as lost_reason_code,
    nullif(trim(duplicate_of), '') as duplicate_of_lead_id,
    coalesce(is_test, false) as is_test,
    updated_at,
    _batch_id as batch_id
from ranked
where version_rank = 1
