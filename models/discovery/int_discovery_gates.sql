-- Grain: one row per process with instances that count.
{% set grains = ['week', 'month', 'quarter'] %}

with instances as (
    select * from {{ ref('int_discovery_instances') }}
),

figures as (
    select * from {{ ref('int_discovery_defaults') }}
),

counted as (
    select
        process_code,
        count(*) as instances,
        count(case when state = 'closed' then 1 end) as closed_instances,
        count(case when state = 'cancelled' then 1 end) as cancelled_instances,
        count(case when state = 'open' then 1 end) as open_instances,
        round(avg(case when repetitions > 0 then 1.0 else 0.0 end), 9)
            as repetitive_share,
        max(data_as_of) as data_as_of
    from instances
    group by process_code
),

steps as (
    select
        steps.process_code,
        count(*) as events,
        count(distinct steps.activity_code) as activities,
        -- Milestones after the end are moments; their starts say nothing of the log.
        round(
            avg(
                case
                    when steps.is_after_end then null
                    when steps.started_at is null then 0.0
                    else 1.0
                end
            ), 9
        ) as start_share,
        round(avg(case when steps.org_unit_code is null then 0.0 else 1.0 end), 9)
            as org_unit_share,
        round(avg(case when steps.resource_id is null then 0.0 else 1.0 end), 9)
            as resource_id_share,
        round(
            avg(
                case
                    when {{ utc_to_local(
                        'steps.occurred_at',
                        'coalesce(dim_processes.timezone, ' ~ zone_literal() ~ ')'
                    ) }} = cast(steps.occurred_on as timestamp)
                        then 1.0
                    else 0.0
                end
            ), 9
        ) as midnight_share
    from {{ ref('fct_process_steps') }} as steps
    inner join instances
        on steps.process_code = instances.process_code
        and steps.process_instance_id = instances.process_instance_id
    left join {{ ref('dim_processes') }} as dim_processes
        on steps.process_code = dim_processes.process_code
    where steps.state = 'completed'
    group by steps.process_code
),

ties as (
    select
        paths.process_code,
        round(avg(case when paths.is_tied then 1.0 else 0.0 end), 9) as tie_share
    from {{ ref('fct_process_paths') }} as paths
    inner join instances
        on paths.process_code = instances.process_code
        and paths.process_instance_id = instances.process_instance_id
    where paths.path_kind = 'step'
    group by paths.process_code
),

dated as (
    {% for grain in grains %}
    select
        process_code,
        {{ loop.index }} as grain_no,
        '{{ grain }}' as grain,
        {{ period_start(grain, 'tested_on') }} as period_start,
        count(*) as instances
    from instances
    where tested_on is not null
    group by process_code, {{ period_start(grain, 'tested_on') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

periods as (
    select
        dated.process_code,
        dated.grain_no,
        dated.grain,
        count(*) as periods,
        row_number() over (
            partition by dated.process_code
            order by dated.grain_no
        ) as choice
    from dated
    inner join figures
        on dated.process_code = figures.process_code
    group by
        dated.process_code,
        dated.grain_no,
        dated.grain,
        figures.period_instances
    having median(dated.instances) >= figures.period_instances
),

flagged as (
    select
        counted.*,
        steps.events,
        steps.activities,
        steps.start_share,
        greatest(steps.org_unit_share, steps.resource_id_share) as resource_share,
        steps.midnight_share,
        ties.tie_share,
        periods.grain as test_period,
        coalesce(least(periods.periods, figures.periods_max), 0) as test_periods,
        counted.closed_instances + counted.cancelled_instances = 0 as has_no_end,
        steps.start_share < figures.start_share as has_no_start,
        greatest(steps.org_unit_share, steps.resource_id_share)
        < figures.resource_share as has_no_resource,
        steps.midnight_share >= figures.midnight_share as is_date_only,
        coalesce(ties.tie_share, 0) > figures.tie_share as is_order_unreliable,
        counted.repetitive_share >= figures.repetitive_share as is_repetitive,
        coalesce(periods.periods, 0) < figures.periods_min as has_few_periods,
        case
            when counted.closed_instances + counted.cancelled_instances = 0
                then counted.instances
            else counted.closed_instances
        end < figures.instances as has_few_closed,
        steps.activities < 2 as has_one_activity,
        case
            when steps.org_unit_share >= figures.resource_share then 'org_unit'
            when steps.resource_id_share >= figures.resource_share then 'resource'
        end as unit_basis
    from counted
    inner join figures
        on counted.process_code = figures.process_code
    inner join steps
        on counted.process_code = steps.process_code
    left join ties
        on counted.process_code = ties.process_code
    left join periods
        on counted.process_code = periods.process_code
        and periods.choice = 1
)

select
    process_code,
    instances,
    closed_instances,
    cancelled_instances,
    open_instances,
    events,
    activities,
    tie_share,
    start_share,
    resource_share,
    midnight_share,
    repetitive_share,
    unit_basis,
    case when has_no_start then 'gap' else 'wait' end as clock,
    test_period,
    cast(test_periods as bigint) as test_periods,
    has_few_closed or has_one_activity as is_refused,
    has_few_closed,
    has_one_activity,
    has_no_end,
    has_no_start,
    has_no_resource,
    is_date_only,
    is_order_unreliable,
    is_repetitive,
    has_few_periods,
    data_as_of
from flagged
