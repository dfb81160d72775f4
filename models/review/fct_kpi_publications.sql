-- Grain: one row per KPI, segment, official period and figure published for it.
with published as (
    select
        * exclude (publication_no, last_batch_no, is_same_code),
        publication_no
    from {{ ref('stg_takt__publications') }}
    union all
    select
        *,
        -- After all that the ledger has.
        cast(9223372036854775807 as bigint) as publication_no
    from {{ ref('int_publications_new') }}
)

select
    kpi_code,
    definition_version,
    segment_code,
    period_grain,
    period_start,
    period_end,
    row_number() over publications as revision_no,
    value,
    numerator,
    denominator,
    counted_count,
    open_count,
    undecided_count,
    excluded_count,
    finality,
    target_min,
    target_max,
    alarm_min,
    alarm_max,
    case
        when value is not null and coalesce(target_min, target_max) is not null
            then
                coalesce(value >= target_min, true)
                and coalesce(value <= target_max, true)
    end as is_on_target,
    is_visible_change,
    reason,
    data_as_of,
    known_from,
    lead(known_from) over publications as known_to
from published
window publications as (
    partition by kpi_code, segment_code, period_grain, period_start
    order by publication_no
)
