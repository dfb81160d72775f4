-- Grain: one row per step with a blank output (D-1), or never logged (D-2).
-- A pack that can tell how often its steps leave their output is in the list.
{% set packs = ['calls', 'complaints', 'leads', 'orders', 'procurement'] %}

with outputs as (
    {% for pack in packs %}
    select
        process_code,
        activity_code,
        field_code,
        completions,
        filled
    from {{ ref('int_' ~ pack ~ '__outputs') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

designed as (
    select
        process_code,
        activity_code,
        owner_code,
        valid_from,
        string_split(output_fields, '|') as output_fields
    from {{ ref('stg_registers__process_steps') }}
    where
        valid_from <= {{ as_of_date() }}
        and (valid_to is null or valid_to > {{ as_of_date() }})
),

figures as (
    select max(try_cast(value as double)) as output_share
    from {{ ref('stg_registers__defaults') }}
    where name = 'output_share' and scope_code = 'all'
),

blank as (
    select
        outputs.process_code,
        outputs.activity_code,
        string_agg(outputs.field_code, ', ' order by outputs.field_code)
            as output_names,
        min(outputs.filled / outputs.completions) as filled_share
    from outputs
    inner join designed
        on outputs.process_code = designed.process_code
        and outputs.activity_code = designed.activity_code
    cross join figures
    where
        outputs.completions > 0
        and list_contains(designed.output_fields, outputs.field_code)
        and outputs.filled / outputs.completions < figures.output_share
    group by outputs.process_code, outputs.activity_code
),

found as (
    select
        'D-1' as rule_id,
        'output_blank' as verdict,
        process_code,
        activity_code,
        output_names,
        round(100 * filled_share, 1) as filled_pct
    from blank
    union all
    select
        'D-2' as rule_id,
        'never_logged' as verdict,
        process_code,
        activity_code,
        null as output_names,
        0.0 as filled_pct
    from {{ ref('fct_process_map_steps') }}
    where map_state = 'never_seen' and process_instance_count > 0
)

select
    found.rule_id,
    'W' as severity,
    found.verdict,
    cast(null as varchar) as kpi_code,
    cast(null as varchar) as counter_kpi_code,
    cast(null as varchar) as objective_code,
    found.process_code,
    -- The part of the process that is meant.
    found.activity_code as segment_code,
    designed.valid_from as period_start,
    'map_' || replace(lower(found.rule_id), '-', '_') as message_id,
    cast(
        json_object(
            'process', found.process_code,
            'step', found.process_code || '/' || found.activity_code,
            'fields', found.output_names,
            'share', found.filled_pct
        ) as varchar
    ) as evidence,
    cast(found.filled_pct as double) as current_value,
    cast(null as double) as proposed_value,
    cast(null as varchar) as proposed_change,
    coalesce(designed.owner_code, processes.owner_code) as owner_code
from found
inner join designed
    on found.process_code = designed.process_code
    and found.activity_code = designed.activity_code
left join {{ ref('dim_processes') }} as processes
    on found.process_code = processes.process_code
