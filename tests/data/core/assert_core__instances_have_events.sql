-- Instances without any event, for the process owner to look at: cases in flight when
-- the exports began look like this, a broken event model does too.
{{ config(severity='warn') }}

select
    process_code,
    process_instance_id,
    started_at,
    exclusion_reason
from {{ ref('fct_process_instances') }}
where events = 0
