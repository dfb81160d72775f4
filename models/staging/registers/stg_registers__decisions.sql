-- Grain: one row per decision.
select
    decision_code,
    subject_kind,
    subject_id,
    action,
    try_cast(decided_on as date) as decided_on,
    try_cast(until as date) as until,
    decider_code,
    reason
from {{ ref('decisions') }}
