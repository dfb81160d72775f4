-- Grain: one row per template that a process calls for, at each of its places.
with templates as (
    select * from {{ ref('stg_registers__kpi_templates') }}
),

processes as (
    select * from {{ ref('fct_discovered_processes') }}
),

figures as (
    select * from {{ ref('int_discovery_defaults') }}
),

steps as (
    select * from {{ ref('fct_discovered_steps') }}
),

hinted as (
    select
        process_code,
        activity_hint,
        cast(to_json(list(activity_code order by activity_code)) as string)
            as activity_codes
    from steps
    where activity_hint is not null and not coalesce(is_after_end, false)
    group by process_code, activity_hint
),

seen as (
    select
        process_code,
        coalesce(bool_or(is_ping_pong), false) as has_ping_pong,
        coalesce(bool_or(is_repeated_approval or is_serial_approval), false)
            as has_needless_approval
    from steps
    group by process_code
),

-- A case of these is itself a trouble: that somebody has another one says something.
troubles as (
    select distinct processes.process_code
    from processes
    left join {{ ref('dim_processes') }} as dim_processes
        on processes.process_code = dim_processes.process_code
    inner join {{ ref('stg_registers__activity_words') }} as words
        on words.hint = 'trouble'
        and {{ names_word(
            "case words.language when 'zh' then dim_processes.name_zh "
            "else concat_ws(' ', processes.process_code, dim_processes.name_en) end",
            'words.language', 'words.word'
        ) }}
),

totals as (
    select
        process_code,
        count(case when state = 'open' then 1 end) as open_instances,
        count(case when is_closed then 1 end) as closed_instances,
        count(case when is_ended and ended_on is not null then 1 end) as dated_ends,
        count(case when state = 'cancelled' and ended_on is not null then 1 end)
            as dated_cancellations,
        count(case when state <> 'cancelled' then due_at end) as due_instances,
        count(case when is_closed and started_on = ended_on then 1 end)
            as same_day_ends,
        count(case when is_closed and not is_first_time_right then 1 end)
            as wrong_instances,
        count(case when is_closed and assignments > 1 then 1 end)
            as reassigned_instances,
        avg(case when is_closed then handovers end) as mean_handovers,
        count(case when is_approved and is_rejected then 1 end) as rejections,
        sum(case when is_closed then system_events end) as system_events,
        count(case when is_closed then requester_id end) as requesters,
        count(case when is_closed then score end) as scores,
        count(case when is_closed then cost_cents end) as known_costs,
        count(case when is_bad_outcome then 1 end) as bad_outcomes,
        cast(
            to_json(
                list(distinct outcome_code order by outcome_code)
                filter (where is_bad_outcome)
            ) as string
        ) as bad_outcome_codes,
        cast(
            to_json(
                list(distinct outcome_code order by outcome_code)
                filter (where is_rejected)
            ) as string
        ) as rejected_outcome_codes,
        cast(
            ceil(
                quantile_cont(case when is_closed then lead_elapsed_seconds end, 0.85)
            ) as bigint
        ) as slow_seconds
    from {{ ref('int_kpi_candidate_facts') }}
    group by process_code
),

called_for as (
    select
        templates.template_code,
        totals.process_code,
        cast(null as string) as from_activity_code,
        cast(null as string) as to_activity_code,
        cast(null as string) as path_clock
    from templates
    cross join totals
    inner join processes
        on totals.process_code = processes.process_code
    inner join figures
        on totals.process_code = figures.process_code
    inner join seen
        on totals.process_code = seen.process_code
    left join troubles
        on totals.process_code = troubles.process_code
    left join hinted
        on totals.process_code = hinted.process_code
        and templates.trigger_code = hinted.activity_hint
    where
        case templates.trigger_code
            when 'always' then true
            when 'due_at' then totals.due_instances > 0
            when 'same_day'
                then
                    totals.same_day_ends
                    >= figures.same_day_share * totals.closed_instances
            -- However rare: it is what holds the others in check.
            when 'rework' then totals.wrong_instances > 0
            when 'assign_repeated' then totals.reassigned_instances > 0
            when 'handovers' then totals.mean_handovers >= figures.handovers
            when 'ping_pong' then seen.has_ping_pong
            when 'approvals' then seen.has_needless_approval
            when 'approval_outcomes' then totals.rejections > 0
            when 'long_tail' then processes.is_long_tail
            when 'open' then totals.open_instances > 0
            when 'flow_efficiency'
                then processes.flow_efficiency < figures.flow_efficiency
            when 'system_resource' then totals.system_events > 0
            when 'requester'
                then totals.requesters > 0 and troubles.process_code is not null
            when 'score' then totals.scores > 0
            when 'bad_outcome' then totals.bad_outcomes > 0
            when 'cancel'
                then
                    {{ wilson_low('totals.dated_cancellations', 'totals.dated_ends') }}
                    >= figures.cancel_share
            when 'cost' then totals.known_costs > 0
            -- assign, request_info and follow_up are hints of activities.
            else hinted.activity_hint is not null
        end
        and templates.anchor = 'process'
        and processes.gate <> 'refused'
    union all
    select
        templates.template_code,
        steps.process_code,
        steps.activity_code as from_activity_code,
        cast(null as string) as to_activity_code,
        cast(null as string) as path_clock
    from templates
    inner join steps
        on templates.anchor = 'step'
    inner join processes
        on steps.process_code = processes.process_code
        and processes.gate <> 'refused'
    inner join figures
        on steps.process_code = figures.process_code
    where
        case templates.trigger_code
            when 'work_share' then steps.work_share >= figures.work_share
            when 'rework_step' then steps.is_rework and steps.rework_instances > 0
        end
    union all
    select
        templates.template_code,
        paths.process_code,
        paths.from_activity_code,
        paths.to_activity_code,
        paths.clock as path_clock
    from templates
    inner join {{ ref('fct_discovered_paths') }} as paths
        on templates.anchor = 'path'
        and paths.is_bottleneck
        and paths.path_kind = 'step'
),

limits as (
    select
        processes.process_code,
        templates.template_code,
        -- The first that is named is the gravest.
        min_by(
            reasons.reason, instr(processes.gate_reasons, reasons.reason)
        ) as refusal_reason
    from processes
    cross join templates
    cross join unnest(string_split(processes.gate_reasons, '|')) as reasons (reason)
    left join troubles
        on processes.process_code = troubles.process_code
    where
        (templates.trigger_code <> 'requester' or troubles.process_code is not null)
        and case
            -- A log too small to be mined says so once for what every log could have.
            when processes.gate = 'refused' then templates.trigger_code = 'always'
            else
                list_contains(string_split(templates.refused_by, '|'), reasons.reason)
        end
    group by processes.process_code, templates.template_code
),

wanted as (
    select * from called_for
    union all
    select
        template_code,
        process_code,
        cast(null as string) as from_activity_code,
        cast(null as string) as to_activity_code,
        cast(null as string) as path_clock
    from limits
    where
        not exists (
            select 1
            from called_for
            where
                called_for.process_code = limits.process_code
                and called_for.template_code = limits.template_code
        )
)

select
    concat_ws(
        '.',
        wanted.process_code,
        wanted.template_code,
        nullif(concat_ws('--', wanted.from_activity_code, wanted.to_activity_code), '')
    ) as candidate_id,
    wanted.process_code,
    wanted.template_code,
    wanted.from_activity_code,
    wanted.to_activity_code,
    wanted.path_clock,
    templates.measure,
    templates.measure_type,
    templates.statistic,
    templates.assign_by,
    templates.window_days,
    case when wanted.template_code in ('T10', 'T11') then processes.unit_basis end
        as handover_by,
    hinted.activity_codes,
    case
        when templates.trigger_code = 'approval_outcomes'
            then totals.rejected_outcome_codes
        when templates.trigger_code in ('rework', 'bad_outcome')
            then totals.bad_outcome_codes
    end as outcome_codes,
    case when templates.measure = 'snapshot' then totals.slow_seconds end
        as threshold_seconds,
    limits.refusal_reason
from wanted
inner join templates
    on wanted.template_code = templates.template_code
inner join processes
    on wanted.process_code = processes.process_code
left join totals
    on wanted.process_code = totals.process_code
left join hinted
    on wanted.process_code = hinted.process_code
    and case
        when templates.trigger_code in ('assign', 'assign_repeated') then 'assign'
        else templates.trigger_code
    end = hinted.activity_hint
left join limits
    on wanted.process_code = limits.process_code
    and wanted.template_code = limits.template_code
