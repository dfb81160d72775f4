"""The cases of the pack: when they start and end, what they are known by."""

from __future__ import annotations

from typing import Any

from orchestration.adopt.plan import Plan
from orchestration.adopt.render.staging import CASE_PARTS, LATE, STAGED, staging_name
from orchestration.adopt.render.text import (
    cell,
    code_list,
    model_entry,
    named,
    ref,
    unit_test,
    yaml_text,
)


def _attributes(plan: Plan) -> list[str]:
    return [part for part in CASE_PARTS if plan.column(part)]


def instances_sql(plan: Plan) -> str:
    """The cases of the pack."""
    pack = plan.process
    ctes = [_worked(plan)]
    if plan.ending("is_end"):
        ctes.append(_endings())
    if _attributes(plan):
        ctes.append(_attribute_cte(plan))
    ctes.append(
        f"""freshness as (
    select least(min(data_as_of), {{{{ as_of() }}}}) as data_as_of
    from {{{{ ref('stg_takt__export_states') }}}}
    where export_code = '{plan.export.code}'
)"""
    )
    zone = f'''"'{plan.timezone}'"'''
    ended, outcome = _ended(plan)
    joins = ""
    if plan.ending("is_end"):
        joins += """
left join endings
    on cases.process_instance_id = endings.process_instance_id
    and endings.ending_rank = 1"""
    if _attributes(plan):
        joins += """
left join attributes
    on cases.process_instance_id = attributes.process_instance_id"""
    ctes.append(
        f"""ended as (
    select
        cases.process_instance_id,
        cases.started_at,
        {ended},
        {named(outcome, "outcome_code")},
        {_attribute(plan, "segment", "segment_code", "varchar")},
        {_attribute(plan, "due", "due_at", "timestamp")},
        {_attribute(plan, "requester", "requester_id", "varchar")},
        {_attribute(plan, "score", "score", "double")},
        {_attribute(plan, "cost", "cost_cents", "bigint")},
        {_cancelled(plan)} as is_cancelled,
        freshness.data_as_of
    from cases{joins.replace(chr(10), chr(10) + "    ")}
    cross join freshness
)"""
    )
    return f"""\
with {(chr(10) * 2).join(f"{cte}," for cte in ctes)[:-1]}

select
    '{pack}' as process_code,
    process_instance_id,
    coalesce(segment_code, 'unknown') as segment_code,
    started_at,
    ended_at,
    {{{{ local_date('started_at', {zone}) }}}} as started_on,
    {{{{ local_date('ended_at', {zone}) }}}} as ended_on,
    is_cancelled,
    case when ended_at is not null then outcome_code end as outcome_code,
    cast(null as varchar) as exclusion_reason,
    due_at,
    requester_id,
    score,
    cost_cents,
    data_as_of
from ended
"""


def _attribute(plan: Plan, part: str, name: str, kind: str) -> str:
    if plan.column(part) is None:
        return f"cast(null as {kind}) as {name}"
    return f"attributes.{name}"


def _cancelled(plan: Plan) -> str:
    """SQL for whether a case was called off."""
    codes = [step.code for step in plan.ending("is_cancelling")]
    if not codes:
        return "false"
    return f"coalesce(endings.activity_code in ({code_list(codes, 12)}), false)"


def _ended(plan: Plan) -> tuple[str, str]:
    """SQL for the end of a case, and for how it ended."""
    outcome = "'ended'"
    if plan.column("outcome"):
        outcome = "attributes.outcome_code"
    if plan.has_end_column:
        # An end that was written down beforehand is none yet.
        return (
            "case\n            when attributes.ended_at <= freshness.data_as_of\n"
            "                then attributes.ended_at\n        end as ended_at",
            outcome,
        )
    if not plan.ending("is_end"):
        return "cast(null as timestamp) as ended_at", "cast(null as varchar)"
    if not plan.column("outcome"):
        outcome = "endings.activity_code"
    return "endings.ended_at", outcome


def _worked(plan: Plan) -> str:
    events = ref(f"int_{plan.process}__events")
    ends = [step.code for step in plan.ending("is_end")]
    if not ends:
        return f"""cases as (
    select
        process_instance_id,
        min(coalesce(started_at, occurred_at)) as started_at
    from {events}
    group by process_instance_id
)"""
    after = [step.code for step in plan.ending("is_after_end")]
    tail = [step.code for step in plan.ending("is_tail")]
    after_sql = f"activity_code in ({code_list(after, 12)})" if after else "false"
    return f"""marked as (
    select
        *,
        activity_code in ({code_list(ends, 12)}) as is_end,
        -- Seen only behind the end: a case in which the end is missing is over too.
        {after_sql} as is_after_end,
        -- Any other step opens the case again.
        activity_code not in ({code_list([*ends, *after, *tail], 12)}) as is_work
    from {events}
),

cases as (
    select
        process_instance_id,
        min(coalesce(started_at, occurred_at)) as started_at,
        max(case when is_work then occurred_at end) as last_worked_at
    from marked
    group by process_instance_id
)"""


def _endings() -> str:
    return """endings as (
    select
        marked.process_instance_id,
        marked.activity_code,
        marked.occurred_at as ended_at,
        row_number() over (
            partition by marked.process_instance_id
            -- The end before what follows it; the id decides between equal times.
            order by marked.is_after_end, marked.occurred_at, marked.event_id
        ) as ending_rank
    from marked
    inner join cases
        on marked.process_instance_id = cases.process_instance_id
    where
        (marked.is_end or marked.is_after_end)
        and marked.occurred_at >= coalesce(cases.last_worked_at, marked.occurred_at)
)"""


def _attribute_cte(plan: Plan) -> str:
    stage = ref(staging_name(plan))
    names = [STAGED[part][0] for part in _attributes(plan)]
    if plan.wishes.milestones:
        listed = ",\n".join(f"        {name}" for name in names)
        return f"""attributes as (
    select
        process_instance_id,
{listed}
    from {stage}
)"""
    lines = ",\n".join(
        f"        max(case when {'last' if name in LATE else 'first'}_rank = 1 "
        f"then {name} end) as {name}"
        for name in names
    )
    ranks = []
    if set(names) - LATE:
        ranks.append(
            """        row_number() over (
            partition by process_instance_id
            order by occurred_at, event_id
        ) as first_rank"""
        )
    if set(names) & LATE:
        ranks.append(
            """        row_number() over (
            partition by process_instance_id
            order by occurred_at desc, event_id desc
        ) as last_rank"""
        )
    ranked = ",\n".join(ranks)
    return f"""ranked as (
    select
        *,
{ranked}
    from {stage}
),

-- What a case is known by: from its first row; how it ended, from its last.
attributes as (
    select
        process_instance_id,
{lines}
    from ranked
    group by process_instance_id
)"""


def instances_yml(plan: Plan) -> str:
    """Their description and tests."""
    ends = ", ".join(step.name for step in plan.ending("is_end"))
    if plan.has_end_column:
        ended = "Moment the log says that it ended (UTC); NULL while open."
    elif ends:
        ended = f"First of {ends} since the last step of work (UTC); NULL while open."
    else:
        ended = "Always NULL; the log has no end."
    called_off = ", ".join(step.name for step in plan.ending("is_cancelling"))
    cancelled = f"Ended with {called_off}." if called_off else "Always false."
    columns = [
        ("process_code", f"Always {plan.process}."),
        ("process_instance_id", "The case."),
        ("segment_code", "What people cut by; unknown where there is nothing."),
        ("started_at", "Moment of its first step (UTC)."),
        ("ended_at", ended),
        ("started_on", "Local day of started_at."),
        ("ended_on", "Local day of ended_at."),
        ("is_cancelled", cancelled),
        ("outcome_code", "How it ended; NULL while open."),
        ("exclusion_reason", "Always NULL; reasons belong to single KPIs."),
        ("due_at", "Promised moment (UTC); NULL if the log does not say."),
        ("requester_id", "Pseudonym of who asked; NULL if the log does not say."),
        ("score", "Points people gave; NULL if the log does not say."),
        ("cost_cents", "Cost in hundredths; NULL if the log does not say."),
        ("data_as_of", "Moment up to which the log reaches (UTC)."),
    ]
    model = model_entry(
        f"int_{plan.process}__instances",
        "One row per case, from its first step to its end.",
        columns,
        ["process_instance_id", "segment_code", "started_at", "is_cancelled"],
        "process_instance_id",
    )
    return yaml_text({"models": [model], "unit_tests": [_instance_unit_test(plan)]})


def _instance_unit_test(plan: Plan) -> dict[str, Any]:
    """Closed, open, opened again, and over without its end."""
    header = "process_instance_id,event_id,activity_code,occurred_at"
    works = [
        step.code
        for step in plan.steps
        if not (step.is_end or step.is_after_end or step.is_tail)
    ]
    work = cell((works or [plan.steps[0].code])[0])
    ends = [cell(step.code) for step in plan.ending("is_end")]
    after = [cell(step.code) for step in plan.ending("is_after_end")]
    given = [header, f"waiting,w1,{work},2026-03-02 01:00"]
    expected = [
        "process_instance_id,started_at,ended_at",
        "waiting,2026-03-02 01:00,",
    ]
    if ends and not plan.has_end_column:
        given += [
            f"closed,c1,{work},2026-03-02 01:00",
            f"closed,c2,{ends[0]},2026-03-02 03:00",
            f"closed,c3,{ends[-1]},2026-03-02 04:00",
        ]
        expected.append("closed,2026-03-02 01:00,2026-03-02 03:00")
        if works:
            given += [
                f"again,a1,{ends[0]},2026-03-02 01:00",
                f"again,a2,{work},2026-03-02 02:00",
            ]
            expected.append("again,2026-03-02 01:00,")
        if after:
            given += [
                f"unsaid,u1,{work},2026-03-02 01:00",
                f"unsaid,u2,{after[0]},2026-03-02 05:00",
            ]
            expected.append("unsaid,2026-03-02 01:00,2026-03-02 05:00")
    inputs = {
        f"ref('int_{plan.process}__events')": "\n".join(given),
        "ref('stg_takt__export_states')": (
            f"export_code,data_as_of\n{plan.export.code},2026-03-31 16:00"
        ),
    }
    if _attributes(plan):
        staged = "process_instance_id,event_id,occurred_at"
        row = "waiting,w1,2026-03-02 01:00"
        if plan.wishes.milestones:
            staged, row = "process_instance_id", "waiting"
        if plan.has_end_column:
            staged += ",ended_at"
            ended = "closed,c1,2026-03-02 01:00,2026-03-02 03:00"
            later = "later,l1,2026-03-02 01:00,2026-04-02 03:00"
            if plan.wishes.milestones:
                ended, later = "closed,2026-03-02 03:00", "later,2026-04-02 03:00"
            row = f"{row},\n{ended}\n{later}"
            for case in ("closed", "later"):
                given.append(f"{case},{case[0]}1,{work},2026-03-02 01:00")
            inputs[f"ref('int_{plan.process}__events')"] = "\n".join(given)
            expected += [
                "closed,2026-03-02 01:00,2026-03-02 03:00",
                "later,2026-03-02 01:00,",
            ]
        inputs[f"ref('{staging_name(plan)}')"] = f"{staged}\n{row}"
    return unit_test(
        "test_a_case_is_open_until_its_end_and_again_when_work_follows",
        f"int_{plan.process}__instances",
        inputs,
        "\n".join(expected),
    )


def nothing_is_lost(plan: Plan) -> str:
    """The singular test of the pack."""
    pack, stage = plan.process, ref(staging_name(plan))
    instances = f"""\
left join {ref("fct_process_instances")} as instances
    on log_rows.process_instance_id = instances.process_instance_id
    and instances.process_code = '{pack}'"""
    if plan.wishes.milestones:
        counted = "\n        + ".join(
            f"case when {column} is not null then 1 else 0 end"
            for _, column in plan.milestones
        )
        return f"""\
with log_rows as (
    select
        process_instance_id,
        {counted} as milestones
    from {stage}
),

found as (
    select
        process_instance_id,
        count(*) as events
    from {ref("fct_events")}
    where process_code = '{pack}'
    group by process_instance_id
)

select log_rows.process_instance_id
from log_rows
left join found
    on log_rows.process_instance_id = found.process_instance_id
{instances}
where
    coalesce(found.events, 0) <> log_rows.milestones
    or (log_rows.milestones > 0 and instances.process_instance_id is null)
"""
    lost = "events.event_id is null"
    if plan.column("lifecycle"):
        lost = f"(log_rows.lifecycle = 'complete' and {lost})"
    return f"""\
select log_rows.event_id
from {stage} as log_rows
left join {ref("fct_events")} as events
    on log_rows.event_id = events.event_id
    and events.process_code = '{pack}'
{instances}
where
    {lost}
    or instances.process_instance_id is null
"""
