-- The process core as one would write it by hand for one company, one time zone and
-- DuckDB alone: the same tables, rows and columns as models/processes/core.
-- Reads fixture.events, fixture.instances, dim_process_steps, dim_calendar_days.
create schema hand;

create temp table map as
select process_code, activity_code, step_no, kind, approval_level, is_terminal, is_after_end
from dim_process_steps;

create table hand.fct_events as
select
    e.process_code,
    e.process_instance_id,
    e.event_id,
    row_number() over (
        partition by e.process_code, e.process_instance_id
        order by
            e.occurred_at,
            coalesce(e.started_at, e.occurred_at),
            coalesce(s.step_no, 2147483647),
            e.event_id
    ) as event_no,
    e.activity_code,
    e.started_at,
    e.occurred_at,
    (e.occurred_at at time zone 'UTC' at time zone 'Asia/Shanghai')::date as occurred_on,
    e.resource_id,
    e.org_unit_code,
    e.source_system,
    e.batch_id
from fixture.events as e
left join map as s using (process_code, activity_code)
where e.occurred_at is not null;

create macro hand.second(t) as date_diff('second', timestamp '1970-01-01', t);
create macro hand.day(t) as (t at time zone 'UTC' at time zone 'Asia/Shanghai')::date;

create temp table days as
select
    local_date,
    seconds_before,
    hand.second(open_1) as open_1,
    hand.second(close_1) as close_1,
    hand.second(open_2) as open_2,
    hand.second(close_2) as close_2
from dim_calendar_days
where calendar_code = 'office';

create macro hand.work(t, seconds_before, open_1, close_1, open_2, close_2) as
    seconds_before
    + coalesce(greatest(least(t, close_1) - open_1, 0), 0)
    + coalesce(greatest(least(t, close_2) - open_2, 0), 0);

create macro hand.beyond(second, mark) as
    case when second <= mark then 0 else second - mark end;

-- Every step with its two clocks, each local date computed once.
create temp table steps as
select
    t.* exclude (start_day, until_day),
    case
        when usable is not null and a.local_date is null
            then if(start_day < date '2024-01-01', 'outside_calendar', 'calendar_incomplete')
        when b.local_date is null and until_second is not null
            then if(until_day < date '2024-01-01', 'outside_calendar', 'calendar_incomplete')
    end as calendar_reason,
    hand.work(
        started_second, a.seconds_before, a.open_1, a.close_1, a.open_2, a.close_2
    ) as started_work,
    hand.work(
        until_second, b.seconds_before, b.open_1, b.close_1, b.open_2, b.close_2
    ) as until_work
from (
    select
        *,
        case when started_at <= until_at then started_at end as usable,
        hand.second(usable) as started_second,
        hand.second(until_at) as until_second,
        hand.day(usable) as start_day,
        hand.day(until_at) as until_day,
        case
            when started_at is null then 'no_start'
            when started_at > until_at then 'reversed_clock'
        end as exclusion_reason
    from (
        select
            process_code, process_instance_id, event_id, event_no, activity_code,
            started_at, occurred_at, occurred_on, resource_id, org_unit_code,
            occurred_at as until_at
        from hand.fct_events
        union all
        select
            e.process_code, e.process_instance_id, e.event_id, null, e.activity_code,
            e.started_at, e.occurred_at, null, e.resource_id, e.org_unit_code,
            i.data_as_of
        from fixture.events as e
        left join fixture.instances as i using (process_code, process_instance_id)
        where e.occurred_at is null
    )
) as t
left join days as a on a.local_date = t.start_day
left join days as b on b.local_date = t.until_day;

create temp table sequenced as
select
    s.* exclude (usable, until_at),
    coalesce(m.kind, 'work') as kind,
    m.approval_level,
    coalesce(m.is_terminal, false) as is_terminal,
    coalesce(m.is_after_end, false) as is_after_end,
    exclusion_reason is null and not coalesce(m.is_after_end, false) as is_busy,
    resource_id = 'system' or resource_id like 'system:%' as is_system,
    lag(event_id) over w as previous_event_id,
    lag(activity_code) over w as previous_activity_code,
    lag(occurred_at) over w as previous_occurred_at,
    lag(until_second) over w as previous_second,
    lag(until_work) over w as previous_work,
    lag(calendar_reason) over w as previous_calendar_reason,
    lag(resource_id) over w as previous_resource_id,
    lag(resource_id = 'system' or resource_id like 'system:%') over w as was_system,
    lag(org_unit_code) over w as previous_org_unit_code,
    lag(coalesce(m.kind, 'work')) over w as previous_kind,
    lag(m.approval_level) over w as previous_approval_level,
    lag(coalesce(m.is_terminal, false) or coalesce(m.is_after_end, false)) over w
        as was_terminal,
    lead(event_id) over w is null as is_last_event,
    sum((coalesce(m.kind, 'work') = 'change')::integer) over w as changes_so_far
from steps as s
left join map as m using (process_code, activity_code)
where event_no is not null
window w as (partition by process_code, process_instance_id order by event_no);

create temp table judged as
select
    *,
    row_number() over a as occurrence_no,
    lag(occurred_at) over a as same_activity_at,
    lag(resource_id) over a as same_activity_resource,
    lag(changes_so_far) over (
        partition by process_code, process_instance_id, kind, approval_level
        order by event_no
    ) as changes_at_level,
    max(until_second) over b as busy_until,
    max(until_work) over b as busy_until_work,
    case
        when event_no = 1 then null
        when resource_id is null or previous_resource_id is null then 'unknown'
        when is_system or was_system then 'system'
        when resource_id = previous_resource_id then 'same'
        else 'handover'
    end as resource_change,
    case
        when event_no = 1 then null
        when org_unit_code is null or previous_org_unit_code is null then 'unknown'
        when org_unit_code = previous_org_unit_code then 'same'
        else 'handover'
    end as org_unit_change
from sequenced
window
    a as (
        partition by process_code, process_instance_id, activity_code
        order by event_no
    ),
    b as (
        partition by process_code, process_instance_id, is_busy
        order by started_second, until_second, event_no
        rows between unbounded preceding and 1 preceding
    );

drop table sequenced;

create table hand.fct_process_steps as
select
    process_code,
    process_instance_id,
    event_id,
    activity_code,
    'completed' as state,
    event_no,
    occurrence_no,
    started_at,
    occurred_at,
    occurred_on,
    resource_id,
    org_unit_code,
    kind,
    approval_level,
    is_terminal,
    is_after_end,
    exclusion_reason,
    calendar_reason,
    until_second - started_second as service_elapsed_seconds,
    until_work - started_work as service_working_seconds,
    case
        when not is_busy then null
        when busy_until > started_second then hand.beyond(until_second, busy_until)
        else until_second - started_second
    end as busy_elapsed_seconds,
    case
        when not is_busy then null
        when busy_until_work > started_work then hand.beyond(until_work, busy_until_work)
        else until_work - started_work
    end as busy_working_seconds,
    null::bigint as open_elapsed_seconds,
    null::bigint as open_working_seconds,
    case
        when occurrence_no = 1 then null
        when started_at < same_activity_at then 'parallel'
        when previous_activity_code = activity_code then 'self_loop'
        else 'later'
    end as repetition_where,
    case
        when occurrence_no = 1 then null
        when resource_id is null or same_activity_resource is null then 'unknown'
        when resource_id = same_activity_resource then 'repeat'
        else 'redo'
    end as repetition_who,
    coalesce(repetition_where in ('self_loop', 'later'), false) as is_rework,
    coalesce(was_terminal and not (is_terminal or is_after_end), false) as is_reopening,
    resource_change,
    org_unit_change,
    coalesce(kind = 'approval' and changes_so_far = changes_at_level, false)
        as is_repeated_approval,
    coalesce(
        kind = 'approval'
        and previous_kind = 'approval'
        and approval_level <> previous_approval_level,
        false
    ) as is_serial_approval
from judged
union all
select
    s.process_code, s.process_instance_id, s.event_id, s.activity_code, 'open',
    s.event_no, null, s.started_at, s.occurred_at, s.occurred_on, s.resource_id,
    s.org_unit_code, coalesce(m.kind, 'work'), m.approval_level,
    coalesce(m.is_terminal, false), coalesce(m.is_after_end, false),
    coalesce(s.exclusion_reason, 'not_finished'), s.calendar_reason,
    null, null, null, null,
    s.until_second - s.started_second, s.until_work - s.started_work,
    null, null, false, false, null, null, false, false
from steps as s
left join map as m using (process_code, activity_code)
where s.event_no is null;

drop table steps;

create table hand.fct_process_paths as
select
    process_code,
    process_instance_id,
    event_no as path_no,
    if(event_no = 1, 'start', 'step') as path_kind,
    coalesce(previous_activity_code, 'START') as from_activity_code,
    activity_code as to_activity_code,
    previous_event_id as from_event_id,
    event_id as to_event_id,
    previous_occurred_at as from_at,
    occurred_at as to_at,
    occurred_on as moved_on,
    if(event_no > 1, exclusion_reason, null) as exclusion_reason,
    if(event_no > 1, coalesce(previous_calendar_reason, calendar_reason), null)
        as calendar_reason,
    hand.beyond(started_second, previous_second) as wait_elapsed_seconds,
    hand.beyond(previous_second, started_second) as overlap_elapsed_seconds,
    until_second - previous_second as gap_elapsed_seconds,
    hand.beyond(started_work, previous_work) as wait_working_seconds,
    until_work - previous_work as gap_working_seconds,
    occurred_at = previous_occurred_at as is_tied,
    was_terminal as is_after_end,
    resource_change,
    org_unit_change
from judged
union all
select
    s.process_code, s.process_instance_id, s.event_no + 1,
    if(i.ended_at is null and not i.is_cancelled, 'open', 'end'),
    s.activity_code, if(i.ended_at is null and not i.is_cancelled, 'OPEN', 'END'),
    s.event_id, null, s.occurred_at, null, s.occurred_on,
    null, null, null, null, null, null, null, null, null, null, null
from judged as s
left join fixture.instances as i using (process_code, process_instance_id)
where s.is_last_event;

create temp table spans as
select
    process_code,
    process_instance_id,
    max(until_second) - min(coalesce(started_second, until_second)) as sojourn,
    max(until_work) - min(coalesce(started_work, until_work)) as sojourn_work,
    max(calendar_reason) as calendar_reason
from judged
where not is_after_end
group by all;

create temp table counts as
select
    process_code,
    process_instance_id,
    count(event_no) as events,
    count(distinct activity_code) filter (event_no is not null) as activities,
    count(*) filter (state = 'open') as open_steps,
    count(*) filter (state = 'completed' and exclusion_reason = 'no_start')
        as startless_steps,
    count(*) filter (exclusion_reason = 'reversed_clock') as reversed_steps,
    count(*) filter (is_after_end) as after_end_steps,
    count(repetition_where) as repetitions,
    count(*) filter (is_rework) as reworks,
    count(*) filter (is_reopening) as reopenings,
    count(*) filter (resource_change = 'handover') as resource_handovers,
    count(*) filter (resource_change = 'unknown') as unknown_resource_changes,
    count(*) filter (org_unit_change = 'handover') as org_unit_handovers,
    count(*) filter (org_unit_change = 'unknown') as unknown_org_unit_changes,
    count(*) filter (is_repeated_approval) as repeated_approvals,
    count(*) filter (is_serial_approval) as serial_approvals,
    min(occurred_at) as first_event_at,
    max(occurred_at) as last_event_at,
    case
        when bool_or(exclusion_reason = 'reversed_clock')
            filter (state = 'completed' and not is_after_end) then 'reversed_clock'
        when bool_or(exclusion_reason = 'no_start')
            filter (state = 'completed' and not is_after_end) then 'no_start'
    end as processing_reason,
    sum(busy_elapsed_seconds) filter (not is_after_end) as busy,
    sum(busy_working_seconds) filter (not is_after_end) as busy_work,
    sum(service_elapsed_seconds) filter (not is_after_end) as service,
    sum(service_working_seconds) filter (not is_after_end) as service_work
from hand.fct_process_steps
group by all;

create temp table orders as
select
    process_code,
    process_instance_id,
    count(*) as events,
    string_agg(activity_code, chr(31) order by event_no) as activity_path,
    string_agg(activity_code, chr(31) order by event_no)
        filter (previous_activity_code is distinct from activity_code)
        as collapsed_path
from judged
group by all;

drop table judged;

create table hand.fct_process_variants as
select
    process_code,
    md5(activity_path) as variant_id,
    md5(any_value(collapsed_path)) as collapsed_variant_id,
    replace(activity_path, chr(31), ' > ') as activity_path,
    max(events) as events_per_instance,
    count(*) as instances,
    count(*) filter (i.exclusion_reason is null and not is_open) as closed_instances,
    count(*) filter (i.exclusion_reason is null and is_open) as open_instances,
    count(i.exclusion_reason) as excluded_instances,
    sum(closed_instances) over (partition by process_code)::bigint
        as process_closed_instances
from orders
inner join (
    select *, ended_at is null and not is_cancelled as is_open from fixture.instances
) as i using (process_code, process_instance_id)
group by process_code, orders.activity_path;

create table hand.fct_process_instances as
select
    i.process_code,
    i.process_instance_id,
    i.segment_code,
    i.state,
    i.started_at,
    i.ended_at,
    i.started_on,
    i.ended_on,
    i.is_cancelled,
    i.outcome_code,
    i.exclusion_reason,
    i.due_at,
    i.requester_id,
    i.score,
    i.cost_cents,
    c.first_event_at,
    c.last_event_at,
    i.lead_reason,
    if(lead_reason is null, i.until_second - i.started_second, null)
        as lead_elapsed_seconds,
    if(lead_reason is null, span_work, null) as lead_working_seconds,
    if(lead_reason = 'not_finished', i.until_second - i.started_second, null)
        as age_elapsed_seconds,
    if(lead_reason = 'not_finished', span_work, null) as age_working_seconds,
    if(p.sojourn is null, null, c.processing_reason) as processing_reason,
    coalesce(i.calendar_reason, p.calendar_reason) as calendar_reason,
    p.sojourn as sojourn_elapsed_seconds,
    if(p.calendar_reason is null, p.sojourn_work, null) as sojourn_working_seconds,
    if(c.processing_reason is null, c.busy, null)::bigint
        as processing_elapsed_seconds,
    if(c.processing_reason is null and p.calendar_reason is null, c.busy_work, null)
        ::bigint as processing_working_seconds,
    sojourn_elapsed_seconds - processing_elapsed_seconds as idle_elapsed_seconds,
    sojourn_working_seconds - processing_working_seconds as idle_working_seconds,
    if(c.processing_reason is null, c.service, null)::bigint as touch_elapsed_seconds,
    if(c.processing_reason is null and p.calendar_reason is null, c.service_work, null)
        ::bigint as touch_working_seconds,
    coalesce(c.events, 0) as events,
    coalesce(c.activities, 0) as activities,
    coalesce(c.open_steps, 0) as open_steps,
    coalesce(c.startless_steps, 0) as startless_steps,
    coalesce(c.reversed_steps, 0) as reversed_steps,
    coalesce(c.after_end_steps, 0) as after_end_steps,
    coalesce(c.repetitions, 0) as repetitions,
    coalesce(c.reworks, 0) as reworks,
    coalesce(c.reopenings, 0) as reopenings,
    coalesce(c.resource_handovers, 0) as resource_handovers,
    coalesce(c.unknown_resource_changes, 0) as unknown_resource_changes,
    coalesce(c.org_unit_handovers, 0) as org_unit_handovers,
    coalesce(c.unknown_org_unit_changes, 0) as unknown_org_unit_changes,
    coalesce(c.repeated_approvals, 0) as repeated_approvals,
    coalesce(c.serial_approvals, 0) as serial_approvals,
    md5(o.activity_path) as variant_id,
    md5(o.collapsed_path) as collapsed_variant_id,
    i.data_as_of
from (
    select
        j.*,
        hand.second(j.started_at) as started_second,
        hand.second(j.until_at) as until_second,
        case
            when j.started_at is null then 'no_start'
            when j.until_at < j.started_at then 'reversed_clock'
            when j.state = 'cancelled' then 'cancelled'
            when j.state = 'open' then 'not_finished'
        end as lead_reason,
        case
            when j.started_at is not null and a.local_date is null
                then if(
                    hand.day(j.started_at) < date '2024-01-01',
                    'outside_calendar',
                    'calendar_incomplete'
                )
            when j.until_at is not null and b.local_date is null
                then if(
                    hand.day(j.until_at) < date '2024-01-01',
                    'outside_calendar',
                    'calendar_incomplete'
                )
        end as calendar_reason,
        hand.work(
            hand.second(j.until_at),
            b.seconds_before, b.open_1, b.close_1, b.open_2, b.close_2
        )
        - hand.work(
            hand.second(j.started_at),
            a.seconds_before, a.open_1, a.close_1, a.open_2, a.close_2
        ) as span_work
    from (
        select
            *,
            case
                when is_cancelled then 'cancelled'
                when ended_at is null then 'open'
                else 'closed'
            end as state,
            coalesce(ended_at, data_as_of) as until_at
        from fixture.instances
    ) as j
    left join days as a on a.local_date = hand.day(j.started_at)
    left join days as b on b.local_date = hand.day(j.until_at)
) as i
left join counts as c using (process_code, process_instance_id)
left join spans as p using (process_code, process_instance_id)
left join orders as o using (process_code, process_instance_id);
