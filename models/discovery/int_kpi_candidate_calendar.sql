-- Grain: one row per process, grain and local day of a period that its log covers.
{% set grains = ['day', 'week', 'month', 'quarter'] %}

with first_days as (
    select
        process_code,
        min(occurred_on) as first_on
    from {{ ref('fct_events') }}
    group by process_code
),

covered as (
    select
        facts.process_code,
        max(first_days.first_on) as first_on,
        max(facts.covered_on) as covered_on,
        max(case when facts.is_closed then facts.ended_on end) as last_ended_on
    from {{ ref('int_kpi_candidate_facts') }} as facts
    inner join first_days
        on facts.process_code = first_days.process_code
    group by facts.process_code
),

days as (
    select
        process_code,
        first_on,
        -- Longer than a weekend without an end: ends of these days come later.
        case
            when {{ add_days('last_ended_on', 3) }} < covered_on then last_ended_on
            else covered_on
        end as last_on
    from covered
),

each_day as (
    select
        process_code,
        first_on,
        last_on,
        {{ each_date('first_on', 'last_on') }} as measured_on
    from days
)

{% for grain in grains %}
select
    process_code,
    '{{ grain }}' as period_grain,
    cast({{ loop.index }} as bigint) as grain_no,
    {{ period_start(grain, 'measured_on') }} as period_start,
    {{ period_end(grain, 'measured_on') }} as period_end,
    measured_on
from each_day
-- A period that began before the log, or is not over, is not like the others.
where
    {{ period_start(grain, 'measured_on') }} >= first_on
    and {{ period_end(grain, 'measured_on') }} <= {{ add_days('last_on', 1) }}
{{ 'union all' if not loop.last }}
{% endfor %}
