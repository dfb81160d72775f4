-- Grain: one row per <decide case: what one case is>.
with freshness as (
    select least(min(data_as_of), {{ as_of() }}) as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code in ('<decide exports: source.export, one or more>')
)

select
    '$pack' as process_code,
    cases.<decide case_id: the column that identifies a case> as process_instance_id,
    coalesce(cases.<decide segment: the column people cut by>, 'unknown')
        as segment_code,
    cases.<decide first_time: when a case starts> as started_at,
    cases.<decide last_time: when it ends; empty while open> as ended_at,
    {{ local_date('cases.<decide first_time: when a case starts>') }} as started_on,
    {{ local_date('cases.<decide last_time: when it ends>') }} as ended_on,
    false as is_cancelled,
    cast(null as varchar) as outcome_code,
    cast(null as varchar) as exclusion_reason,
    cast(null as timestamp) as due_at,
    cast(null as varchar) as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of
from {{ ref('<decide staging: the staging model of the case>') }} as cases
cross join freshness
