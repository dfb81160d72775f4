-- Grain: one row per registered KPI.
with joined as (
    select
        kpi_exports.kpi_code,
        kpi_exports.export_code,
        states.data_as_of,
        -- An export without a state has never been declared, let alone delivered.
        coalesce(states.is_stale, true) as is_stale,
        case
            when states.export_code is null then 4
            when states.stale_reason = 'never_delivered' then 4
            when states.stale_reason = 'gate_failed' then 3
            when states.stale_reason = 'refused' then 2
            when states.stale_reason = 'late' then 1
        end as stale_rank,
        coalesce(states.reliability_grade, 'D') as reliability_grade
    from {{ ref('stg_registers__kpi_exports') }} as kpi_exports
    left join {{ ref('stg_takt__export_states') }} as states
        on kpi_exports.export_code = states.export_code
)

select
    kpi_code,
    -- The oldest source decides: what one of them has not told is not known.
    case
        when count(*) = count(data_as_of)
            then least(min(data_as_of), {{ as_of() }})
    end as data_as_of,
    max(case when is_stale then 1 else 0 end) = 1 as is_stale,
    -- The gravest reason of several.
    case max(stale_rank)
        when 4 then 'never_delivered'
        when 3 then 'gate_failed'
        when 2 then 'refused'
        when 1 then 'late'
    end as stale_reason,
    -- Letters sort from good to bad.
    max(reliability_grade) as reliability_grade
from joined
group by kpi_code
