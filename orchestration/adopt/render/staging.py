"""The staging model: the parts of the log by the names that the project gives them."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.adopt.plan import CODE_PATTERN, EXPORT, JOINED, Plan
from orchestration.adopt.render.text import WIDTH, model_entry, named, yaml_text

# Part -> (name in staging, what it says); the order of the columns.
STAGED = {
    "lifecycle": ("lifecycle", "start, complete and what else the log knows."),
    "start": ("started_at", "Moment the step began (UTC)."),
    "timestamp": ("occurred_at", "Moment of the row (UTC)."),
    "resource": ("resource_id", "Pseudonym of who did it; NULL if unknown."),
    "org_unit": ("org_unit_code", "Unit that did it; NULL if unknown."),
    "due": ("due_at", "Promised moment (UTC)."),
    "requester": ("requester_id", "Pseudonym of who asked; NULL if unknown."),
    "segment": ("segment_code", "What people cut by."),
    "outcome": ("outcome_code", "How it ended, as the row says."),
    "score": ("score", "How content people were, in points."),
    "cost": ("cost_cents", "Cost in hundredths."),
    "end": ("ended_at", "Moment the case ended, as the row says (UTC)."),
}
_SQL = {"lifecycle": "lower({})", "cost": "cast(round(100 * {}) as bigint)"}
CASE_PARTS = ("due", "requester", "segment", "score", "cost", "outcome", "end")
# Of these a case has what its last row says, of the others what its first one says.
LATE = frozenset({"score", "cost_cents", "outcome_code", "ended_at"})


def staging_name(plan: Plan) -> str:
    """The staging model."""
    kind = "cases" if plan.wishes.milestones else "events"
    return f"stg_{plan.process}__{kind}"


def _staged(plan: Plan) -> list[tuple[str, str, str]]:
    """(SQL, name, meaning) of the staged parts that this log has."""
    found = []
    for part, (name, meaning) in STAGED.items():
        column = plan.column(part)
        if column is None:
            continue
        found.append((_SQL.get(part, "{}").format(column), name, meaning))
    return found


def _selected(parts: Iterable[tuple[str, str]], indent: str = "    ") -> str:
    lines = [named(sql, name) for sql, name in parts]
    return ",\n".join(f"{indent}{line}" for line in lines)


def stage_sql(plan: Plan) -> str:
    """The staging model."""
    source = f"{{{{ source('{plan.process}', '{EXPORT}') }}}}"
    staged = [(sql, name) for sql, name, _ in _staged(plan)]
    batch = ("_batch_id", "batch_id")
    if plan.wishes.milestones:
        columns = [("case_id", "process_instance_id")]
        columns += [(column, column) for _, column in plan.milestones]
        columns += [one for one in staged if one[0] not in dict(columns)]
        return f"select\n{_selected([*columns, batch])}\nfrom {source}\n"
    code = "activity"
    if plan.by_code:
        code = f"""\
trim(
            regexp_replace(lower(activity), '{CODE_PATTERN}', '_', 'g'), '_'
        )"""
    joined = ""
    parts = plan.activity.split(JOINED)
    if parts[1:]:
        lines = "\n        || ' / ' || ".join(parts)
        joined = f"""\
joined as (
    select
        *,
        {lines} as activity
    from {source}
),

"""
        source = "joined"
    told = [column for part in STAGED if (column := plan.column(part))]
    told = [*(one for one in told if one != "occurred_at"), "occurred_at"]
    order = f"order by {', '.join(told)}"
    if len(order) > WIDTH - 12:
        order = "order by\n" + ",\n".join(f"{' ' * 16}{one}" for one in told)
    return f"""\
with {joined}named as (
    select
        *,
        {code} as activity_code
    from {source}
),

numbered as (
    select
        *,
        -- Rows alike in all that is read here are told apart by their number alone.
        row_number() over (
            partition by case_id, activity_code, occurred_at
            {order}
        ) as repeat_no
    from named
)

select
    case_id || '/' || activity_code || '/' || cast(occurred_at as varchar)
    || '/' || cast(repeat_no as varchar) as event_id,
    case_id as process_instance_id,
    activity_code,
{_selected(staged)},
    _batch_id as batch_id
from numbered
"""


def stage_yml(plan: Plan) -> str:
    """Its description and tests."""
    columns = {"process_instance_id": "The case."}
    held = ["process_instance_id"]
    if plan.wishes.milestones:
        columns |= {
            column: f"Moment of {activity} (UTC)."
            for (activity, _), (_, column) in zip(
                plan.wishes.milestones, plan.milestones, strict=True
            )
        }
    else:
        columns = {
            "event_id": "Case, step, moment and number among equal rows.",
            **columns,
            "activity_code": "The step, as the process map names it.",
        }
        held = ["event_id", *held, "activity_code", "occurred_at"]
    columns = {name: meaning for _, name, meaning in _staged(plan)} | columns
    first = [name for name in ("event_id", *held) if name in columns]
    order = [*dict.fromkeys([*first, *columns]), "batch_id"]
    columns["batch_id"] = "Admitted file that the row came from."
    grain = "case" if plan.wishes.milestones else "event"
    model = model_entry(
        staging_name(plan),
        f"One row per {grain} of the log; times are UTC.",
        [(name, columns[name]) for name in order],
        held,
        held[0],
    )
    if not plan.wishes.milestones:
        # As a view, its rows would be numbered anew for each model and test.
        name, description = model.pop("name"), model.pop("description")
        config = {"materialized": "table"}
        model = {"name": name, "description": description, "config": config, **model}
    return yaml_text({"models": [model]})
