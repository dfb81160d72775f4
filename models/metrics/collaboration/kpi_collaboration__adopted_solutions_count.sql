-- Grain: one row per solution, on the day it came into use, and one per quarter that is
-- over, on its last day: a quarter without a solution is 0, not nothing.
with freshness as (
    select data_as_of
    from {{ ref('int_kpi_freshness') }}
    where kpi_code = 'collaboration.adopted_solutions_count'
),

bounds as (
    select
        min(people.month_on) as first_on,
        {{ last_covered_date('freshness.data_as_of') }} as last_on
    from {{ ref('int_collaboration__people_placed') }} as people
    cross join freshness
    group by freshness.data_as_of
),

days as (
    select {{ each_date('first_on', 'last_on') }} as local_date
    from bounds
    where first_on <= last_on
),

quarters as (
    select distinct {{ period_end('quarter', 'local_date') }} as next_quarter_on
    from days
),

subjects as (
    select
        ideas.process_instance_id as subject_id,
        ideas.adopted_on as measured_on,
        cast(1 as bigint) as numerator,
        cast(0 as bigint) as denominator,
        freshness.data_as_of
    from {{ ref('int_collaboration__instances') }} as ideas
    cross join freshness
    where ideas.is_solution and ideas.adopted_at < freshness.data_as_of
    union all
    select
        'quarter-' || cast({{ add_days('quarters.next_quarter_on', -1) }} as string)
            as subject_id,
        {{ add_days('quarters.next_quarter_on', -1) }} as measured_on,
        cast(0 as bigint) as numerator,
        cast(1 as bigint) as denominator,
        freshness.data_as_of
    from quarters
    cross join freshness
    where quarters.next_quarter_on <= {{ local_date('freshness.data_as_of') }}
)

select
    'collaboration.adopted_solutions_count' as kpi_code,
    subject_id,
    'company' as segment_code,
    measured_on,
    numerator,
    denominator,
    'counted' as state,
    cast(null as string) as exclusion_reason,
    data_as_of
from subjects
