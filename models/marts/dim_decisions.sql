-- Grain: one row per decision.
select
    decision_code,
    subject_kind,
    subject_id,
    action,
    decided_on,
    until,
    decider_code,
    reason
from {{ ref('stg_registers__decisions') }}
