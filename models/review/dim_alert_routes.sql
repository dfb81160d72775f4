-- Grain: one row per KPI, segment under review, purpose and place in line.
-- Who is told, in this order; a role that is named twice keeps its first place.
{% set places = [
    ('alert', 'alert_to_code'),
    ('alert', 'owner_code'),
    ('alert', 'step_owner_code'),
    ('alert', 'process_owner_code'),
    ('alert', 'head_owner_code'),
    ('alert', 'default_owner_code'),
    ('data', 'data_owner_code'),
    ('data', 'default_owner_code'),
] %}

with kpis as (
    select
        kpis.*,
        steps.owner_code as step_owner_code,
        processes.owner_code as process_owner_code,
        coalesce(steps.org_unit_code, owners.org_unit_code) as org_unit_code
    from {{ ref('dim_kpis') }} as kpis
    left join {{ ref('dim_processes') }} as processes
        on kpis.process_code = processes.process_code
    left join {{ ref('stg_registers__process_steps') }} as steps
        on kpis.process_code = steps.process_code
        and kpis.to_activity_code = steps.activity_code
        and {{ in_force('steps') }}
    left join {{ ref('stg_registers__owners') }} as owners
        on kpis.owner_code = owners.owner_code
        and {{ in_force('owners') }}
),

reviewed as (
    select
        kpi_code,
        'all' as segment_code
    from kpis
    union
    select
        kpi_code,
        segment_code
    from {{ ref('dim_kpi_targets') }}
),

fallbacks as (
    select
        kpis.kpi_code,
        -- The narrowest scope wins.
        arg_min(
            figures.value,
            case figures.scope_code
                when kpis.kpi_code then 1 when kpis.process_code then 2 else 3
            end
        ) as default_owner_code
    from kpis
    inner join {{ ref('stg_registers__defaults') }} as figures
        on figures.scope_code in ('all', kpis.process_code, kpis.kpi_code)
    where figures.name = 'default_owner'
    group by kpis.kpi_code
),

candidates as (
    select
        reviewed.kpi_code,
        reviewed.segment_code,
        targets.alert_to_code,
        kpis.owner_code,
        kpis.step_owner_code,
        kpis.process_owner_code,
        units.head_owner_code,
        fallbacks.default_owner_code,
        kpis.data_owner_code
    from reviewed
    inner join kpis
        on reviewed.kpi_code = kpis.kpi_code
    left join {{ ref('dim_kpi_targets') }} as targets
        on reviewed.kpi_code = targets.kpi_code
        and reviewed.segment_code = targets.segment_code
        and targets.phase = 'in_force'
    left join {{ ref('stg_registers__org_units') }} as units
        on kpis.org_unit_code = units.org_unit_code
        and {{ in_force('units') }}
    left join fallbacks
        on reviewed.kpi_code = fallbacks.kpi_code
),

named as (
    {% for purpose, column in places %}
    select
        kpi_code,
        segment_code,
        '{{ purpose }}' as purpose,
        {{ loop.index }} as place_no,
        {{ column }} as named_owner_code
    from candidates
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

deputies as (
    -- Of an owner out of force, the last deputy.
    select
        owner_code,
        arg_max(deputy_code, valid_from) as deputy_code
    from {{ ref('stg_registers__owners') }}
    group by owner_code
),

stood_in as (
    select
        named.kpi_code,
        named.segment_code,
        named.purpose,
        named.place_no,
        named.named_owner_code,
        coalesce(themselves.owner_code, substitutes.owner_code) as owner_code,
        coalesce(themselves.name_en, substitutes.name_en) as name_en,
        coalesce(themselves.name_zh, substitutes.name_zh) as name_zh,
        coalesce(themselves.language, substitutes.language) as language
    from named
    left join {{ ref('stg_registers__owners') }} as themselves
        on named.named_owner_code = themselves.owner_code
        and {{ in_force('themselves') }}
    left join deputies
        on named.named_owner_code = deputies.owner_code
    left join {{ ref('stg_registers__owners') }} as substitutes
        on deputies.deputy_code = substitutes.owner_code
        and {{ in_force('substitutes') }}
),

first_places as (
    select *
    from stood_in
    where owner_code is not null
    qualify row_number() over (
        partition by kpi_code, segment_code, purpose, owner_code
        order by place_no
    ) = 1
)

select
    first_places.kpi_code,
    first_places.segment_code,
    first_places.purpose,
    row_number() over (
        partition by
            first_places.kpi_code, first_places.segment_code, first_places.purpose
        order by first_places.place_no
    ) as route_no,
    first_places.owner_code,
    first_places.named_owner_code,
    first_places.name_en,
    first_places.name_zh,
    first_places.language,
    cast(figures.reminder_max as bigint) as reminder_max,
    cast(figures.escalate_after as bigint) as escalate_after
from first_places
inner join {{ ref('int_kpi_defaults') }} as figures
    on first_places.kpi_code = figures.kpi_code
