-- Weeks, and months, of all paths and segments add up to the transitions themselves: a
-- row here is a process, kind and grain that lost or doubled some.
with expected as (
    select
        paths.process_code,
        paths.path_kind,
        count(*) as path_count,
        coalesce(sum(paths.wait_elapsed_seconds), 0) as waiting_elapsed_seconds,
        coalesce(sum(paths.gap_elapsed_seconds), 0) as gap_elapsed_seconds
    from {{ ref('fct_process_paths') }} as paths
    inner join {{ ref('int_process_instances') }} as instances
        on paths.process_code = instances.process_code
        and paths.process_instance_id = instances.process_instance_id
    where instances.exclusion_reason is null
    group by paths.process_code, paths.path_kind
),

grains as (
    select 'week' as period_grain
    union all
    select 'month' as period_grain
),

actual as (
    select
        process_code,
        path_kind,
        period_grain,
        sum(path_count) as path_count,
        coalesce(sum(waiting_elapsed_seconds), 0) as waiting_elapsed_seconds,
        coalesce(sum(gap_elapsed_seconds), 0) as gap_elapsed_seconds
    from {{ ref('fct_process_path_periods') }}
    group by process_code, path_kind, period_grain
)

select
    expected.process_code,
    expected.path_kind,
    grains.period_grain
from expected
cross join grains
left join actual
    on expected.process_code = actual.process_code
    and expected.path_kind = actual.path_kind
    and grains.period_grain = actual.period_grain
where
    actual.process_code is null
    or expected.path_count <> actual.path_count
    or expected.waiting_elapsed_seconds <> actual.waiting_elapsed_seconds
    or expected.gap_elapsed_seconds <> actual.gap_elapsed_seconds
