-- Grain: one row per process and activity that was done.
with timed as (
    select
        steps.process_code,
        steps.activity_code,
        max(steps.kind) as kind,
        max(steps.approval_level) as approval_level,
        bool_or(steps.is_terminal) as is_terminal,
        bool_or(steps.is_after_end) as is_after_end,
        max(steps.occurred_on) as last_seen_on,
        count(steps.service_elapsed_seconds) as timed_visits,
        round(quantile_cont(steps.service_elapsed_seconds, 0.5), 9) as work_p50_seconds,
        round(quantile_cont(steps.service_elapsed_seconds, 0.95), 9)
            as work_p95_seconds
    from {{ ref('fct_process_steps') }} as steps
    inner join {{ ref('int_discovery_instances') }} as instances
        on steps.process_code = instances.process_code
        and steps.process_instance_id = instances.process_instance_id
    where steps.state = 'completed'
    group by steps.process_code, steps.activity_code
),

visited as (
    select
        process_code,
        activity_code,
        cast(sum(visits) as bigint) as visits,
        count(*) as instances,
        count(case when first_event_no = 1 then 1 end) as starting_instances,
        count(case when is_last then 1 end) as ending_instances,
        cast(sum(self_loops) as bigint) as self_loops,
        cast(sum(repeats) as bigint) as repeats,
        cast(sum(redos) as bigint) as redos,
        count(case when reworks > 0 then 1 end) as rework_instances,
        count(case when returns > 0 then 1 end) as return_instances,
        cast(sum(approvals_repeated) as bigint) as repeated_approvals,
        cast(sum(approvals_serial) as bigint) as serial_approvals,
        cast(sum(work_seconds) as bigint) as work_seconds,
        round(median(relative_rank), 9) as relative_rank
    from {{ ref('int_discovery_visits') }}
    group by process_code, activity_code
),

named as (
    select
        timed.process_code,
        timed.activity_code,
        concat_ws(' ', timed.activity_code, map_steps.name_en) as text_en,
        concat_ws(' ', timed.activity_code, map_steps.name_zh) as text_zh
    from timed
    left join {{ ref('dim_process_steps') }} as map_steps
        on timed.process_code = map_steps.process_code
        and timed.activity_code = map_steps.activity_code
),

hinted as (
    select
        named.process_code,
        named.activity_code,
        words.hint,
        row_number() over (
            partition by named.process_code, named.activity_code
            -- The longest word says most.
            order by length(words.word) desc, words.word, words.hint asc
        ) as hint_rank
    from named
    inner join {{ ref('stg_registers__activity_words') }} as words
        on words.hint not in ('bad_outcome', 'rejected_outcome', 'trouble')
        and {{ names_word(
            "case words.language when 'zh' then named.text_zh else named.text_en end",
            'words.language', 'words.word'
        ) }}
)

select
    timed.process_code,
    timed.activity_code,
    row_number() over (
        partition by timed.process_code
        order by visited.relative_rank nulls last, timed.activity_code
    ) as position_no,
    visited.relative_rank,
    hinted.hint as activity_hint,
    timed.kind,
    timed.approval_level,
    timed.is_terminal,
    timed.is_after_end,
    timed.last_seen_on,
    visited.visits,
    visited.instances,
    visited.starting_instances,
    visited.ending_instances,
    timed.timed_visits,
    timed.work_p50_seconds,
    timed.work_p95_seconds,
    visited.work_seconds,
    visited.self_loops,
    visited.repeats,
    visited.redos,
    visited.rework_instances,
    visited.return_instances,
    visited.repeated_approvals,
    visited.serial_approvals
from timed
inner join visited
    on timed.process_code = visited.process_code
    and timed.activity_code = visited.activity_code
left join hinted
    on timed.process_code = hinted.process_code
    and timed.activity_code = hinted.activity_code
    and hinted.hint_rank = 1
