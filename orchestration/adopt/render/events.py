"""The events of the pack: rows as they are, pairs of start and end, or milestones."""

from __future__ import annotations

from typing import Any

from orchestration.adopt.plan import Plan
from orchestration.adopt.render.staging import staging_name
from orchestration.adopt.render.text import (
    cell,
    code_list,
    model_entry,
    ref,
    unit_test,
    yaml_text,
)
from orchestration.readers.base import quoted


def _or_null(plan: Plan, part: str, name: str, kind: str, table: str = "") -> str:
    if plan.column(part) is None:
        return f"cast(null as {kind}) as {name}"
    return f"{table}{name}"


def events_sql(plan: Plan) -> str:
    """The events of the pack."""
    if plan.wishes.milestones:
        return _milestone_events(plan)
    pack, stage = plan.process, ref(staging_name(plan))
    if plan.column("lifecycle") is None:
        started = _or_null(plan, "start", "started_at", "timestamp")
        return f"""\
select
    '{pack}' as process_code,
    process_instance_id,
    event_id,
    activity_code,
    {started},
    occurred_at,
    {_or_null(plan, "resource", "resource_id", "varchar")},
    {_or_null(plan, "org_unit", "org_unit_code", "varchar")},
    '{pack}' as source_system,
    batch_id
from {stage}
"""
    moments = [step.code for step in plan.steps if not step.has_starts]
    started = "paired.started_at"
    if moments:
        started = (
            "-- What never starts in the log takes no time worth measuring.\n"
            "    case\n"
            "        when\n"
            f"            paired.activity_code in ({code_list(moments, 16)})\n"
            "            then paired.occurred_at\n"
            "        else paired.started_at\n"
            "    end as started_at"
        )
    return f"""\
with paired as (
    {{{{
        pair_lifecycle(
            ref('{staging_name(plan)}'),
            keys=['process_instance_id', 'activity_code'],
        )
    }}}}
)

select
    '{pack}' as process_code,
    paired.process_instance_id,
    paired.event_id,
    paired.activity_code,
    {started},
    paired.occurred_at,
    {_or_null(plan, "resource", "resource_id", "varchar", "changes.")},
    {_or_null(plan, "org_unit", "org_unit_code", "varchar", "changes.")},
    '{pack}' as source_system,
    changes.batch_id
from paired
inner join {stage} as changes
    on paired.event_id = changes.event_id
"""


def _milestone_events(plan: Plan) -> str:
    pack, stage = plan.process, ref(staging_name(plan))
    parts = "\n    union all\n".join(
        f"""\
    select
        process_instance_id,
        {quoted(code)} as activity_code,
        {column} as occurred_at,
        {_or_null(plan, "resource", "resource_id", "varchar")},
        {_or_null(plan, "org_unit", "org_unit_code", "varchar")},
        batch_id
    from {stage}"""
        for code, column in plan.milestones
    )
    return f"""\
with milestones as (
{parts}
)

select
    '{pack}' as process_code,
    process_instance_id,
    process_instance_id || '/' || activity_code as event_id,
    activity_code,
    cast(null as timestamp) as started_at,
    occurred_at,
    resource_id,
    org_unit_code,
    '{pack}' as source_system,
    batch_id
from milestones
where occurred_at is not null
"""


def events_yml(plan: Plan) -> str:
    """Their description and tests."""
    pack = plan.process
    columns = [
        ("process_code", f"Always {pack}."),
        ("process_instance_id", "The case."),
        ("event_id", "The step of the case."),
        ("activity_code", "The step, as the process map names it."),
        ("started_at", "Moment it began (UTC); NULL if the log does not say."),
        ("occurred_at", "Moment it was done (UTC); NULL while it is open."),
        ("resource_id", "Pseudonym of who did it; NULL if unknown."),
        ("org_unit_code", "Unit that did it; NULL if unknown."),
        ("source_system", f"Always {pack}."),
        ("batch_id", "Admitted file that the row came from."),
    ]
    held = ["process_instance_id", "event_id", "activity_code"]
    if plan.column("lifecycle") is None:
        held.append("occurred_at")
    model = model_entry(
        f"int_{pack}__events", "One row per step of a case.", columns, held, "event_id"
    )
    content: dict[str, Any] = {"models": [model]}
    if tests := _event_unit_tests(plan):
        content["unit_tests"] = tests
    return yaml_text(content)


def _event_unit_tests(plan: Plan) -> list[dict[str, Any]]:
    """Milestones and pairs are worked out here; plain rows are only renamed."""
    model, stage = f"int_{plan.process}__events", staging_name(plan)
    expected = "process_instance_id,activity_code,started_at,occurred_at"
    if plan.wishes.milestones:
        (first, column), *_ = plan.milestones
        given = f"process_instance_id,{column}\na,2026-03-02 01:00\nb,"
        rows = f"{expected}\na,{first},,2026-03-02 01:00"
        name = "test_a_milestone_reached_is_an_event_and_a_missing_one_is_none"
    elif plan.column("lifecycle"):
        work = next((s.code for s in plan.steps if s.has_starts), plan.steps[0].code)
        given = (
            "event_id,process_instance_id,activity_code,lifecycle,occurred_at\n"
            f"1,a,{cell(work)},start,2026-03-02 01:00\n"
            f"2,a,{cell(work)},complete,2026-03-02 03:00\n"
            f"3,b,{cell(work)},start,2026-03-02 01:00"
        )
        rows = (
            f"{expected}\na,{cell(work)},2026-03-02 01:00,2026-03-02 03:00\n"
            f"b,{cell(work)},2026-03-02 01:00,"
        )
        name = "test_a_start_and_its_completion_are_one_step"
    else:
        return []
    return [unit_test(name, model, {f"ref('{stage}')": given}, rows)]
