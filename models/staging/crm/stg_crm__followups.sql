-- Grain: one row per contact with a lead.
with ranked as (
    select
        *,
        row_number() over (
            partition by followup_id
            -- A contact sent twice with other contents: the first one sent counts.
            order by _period, _record_no, _batch_id
        ) as arrival_rank
    from {{ source('crm', 'followups') }}
    where followup_id is not null and lead_id is not null
)

select
    followup_id,
    lead_id,
    contacted_at,
    kind as kind_code,
    -- An unknown kind is not taken for a person's work.
    coalesce(kind in ('call', 'visit', 'message'), false) as is_by_person,
    rep_id,
    _batch_id as batch_id
from ranked
where arrival_rank = 1
