-- Grain: one row per process and step that is compared with instances without it.
with instances as (
    select * from {{ ref('int_discovery_test_instances') }}
    where is_bad_end is not null
),

strata as (
    select
        process_code,
        period_start,
        count(*) as instances,
        count(case when is_bad_end then 1 end) as bad_ends
    from instances
    group by process_code, period_start
),

processes as (
    select
        process_code,
        sum(instances) as instances
    from strata
    group by process_code
    -- Where all ends are alike nothing tells them apart.
    having sum(bad_ends) > 0 and sum(bad_ends) < sum(instances)
),

exposed as (
    select
        visits.process_code,
        visits.activity_code,
        instances.period_start,
        count(*) as instances,
        count(case when instances.is_bad_end then 1 end) as bad_ends
    from {{ ref('int_discovery_visits') }} as visits
    inner join instances
        on visits.process_code = instances.process_code
        and visits.process_instance_id = instances.process_instance_id
    where visits.is_before_end
    group by visits.process_code, visits.activity_code, instances.period_start
),

compared as (
    select
        exposed.process_code,
        exposed.activity_code,
        exposed.instances as with_instances,
        1.0 * exposed.bad_ends as with_bad,
        1.0 * exposed.instances as with_all,
        1.0 * strata.bad_ends - exposed.bad_ends as without_bad,
        1.0 * strata.instances - exposed.instances as without_all,
        1.0 * strata.bad_ends as bad,
        1.0 * strata.instances as everybody
    from exposed
    inner join strata
        on exposed.process_code = strata.process_code
        and exposed.period_start = strata.period_start
),

summed as (
    select
        process_code,
        activity_code,
        sum(with_instances) as instances,
        sum(with_bad) as observed,
        sum(with_all * bad / everybody) as expected,
        sum(
            with_all * without_all * bad * (everybody - bad)
            / (everybody * everybody * nullif(everybody - 1, 0))
        ) as variance,
        sum((with_bad * without_all - without_bad * with_all) / everybody)
        / nullif(sum(with_all * without_all / everybody), 0) as difference
    from compared
    group by process_code, activity_code
)

select
    summed.process_code,
    summed.activity_code,
    cast(summed.instances as bigint) as risk_instances,
    cast(summed.observed as bigint) as observed_bad_ends,
    round(summed.expected, 9) as expected_bad_ends,
    round(summed.variance, 9) as variance,
    round(summed.difference, 9) as risk_difference,
    round(
        sign(summed.observed - summed.expected)
        * greatest(abs(summed.observed - summed.expected) - 0.5, 0)
        / sqrt(nullif(summed.variance, 0)), 9
    ) as risk_z
from summed
inner join processes
    on summed.process_code = processes.process_code
inner join {{ ref('int_discovery_defaults') }} as figures
    on summed.process_code = figures.process_code
where
    summed.instances >= figures.risk_instances
    and processes.instances - summed.instances >= figures.risk_instances
