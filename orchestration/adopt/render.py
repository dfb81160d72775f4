"""The texts of a pack: contract, models with tests, suite, rows of the registers.

Every text is a function of the plan alone, so that a second adoption of the same file
writes the same bytes. Line 1 of each file carries the hash of what follows: a file
whose body still has that hash is ours, any other was edited by a person.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from orchestration.adopt.plan import CODE_PATTERN, EXPORT, JOINED, Plan, Step
from orchestration.contract import Column

MARK = re.compile(r"takt adopt ([0-9a-f]{16})")
WIDTH = 88
# Where a threshold is twice what is likely, rare things still need room.
LEAST_SHARE = 0.01


class _Dumper(yaml.SafeDumper):
    """YAML as the project writes it: indented lists, texts as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _block(dumper: _Dumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)


def yaml_text(content: Mapping[str, Any]) -> str:
    return yaml.dump(
        dict(content), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=WIDTH
    )


def sealed(path: Path, body: str, head: str = "") -> str:
    """A file's text: line 1 with the hash of its body, then the body."""
    digest = hashlib.sha256(body.encode()).hexdigest()[:16]
    comment = "--" if path.suffix == ".sql" else "#"
    head = f"{head} " if head else ""
    return f"{comment} {head}takt adopt {digest}\n{body}"


def is_sealed(text: str) -> bool | None:
    """Whether a text is as it was written; None if it was never written here."""
    first, _, body = text.partition("\n")
    found = MARK.search(first)
    if found is None:
        return None
    return found[1] == hashlib.sha256(body.encode()).hexdigest()[:16]


def files(plan: Plan) -> dict[Path, str]:
    """Every file of a pack, in an order in which each needs only those before it."""
    pack = plan.process
    staging = Path("models/staging") / pack
    models = Path("models/processes") / pack
    stage = staging_name(plan)
    case = "case" if plan.wishes.milestones else "event"
    found = {
        Path(f"expectations/{pack}.py"): sealed(Path("x.py"), suite(plan)),
        staging / f"_{pack}__sources.yml": contract(plan),
        staging / f"{stage}.sql": sealed(
            Path("x.sql"), stage_sql(plan), f"Grain: one row per {case} of the log."
        ),
        staging / f"{stage}.yml": stage_yml(plan),
        models / f"int_{pack}__events.sql": sealed(
            Path("x.sql"), events_sql(plan), f"Grain: one row per step of {pack}."
        ),
        models / f"int_{pack}__events.yml": events_yml(plan),
        models / f"int_{pack}__instances.sql": sealed(
            Path("x.sql"), instances_sql(plan), f"Grain: one row per case of {pack}."
        ),
        models / f"int_{pack}__instances.yml": instances_yml(plan),
        Path(f"tests/data/{pack}/assert_{pack}__nothing_is_lost.sql"): sealed(
            Path("x.sql"),
            nothing_is_lost(plan),
            "A row here is a row of the log without its event or case.",
        ),
    }
    return {
        path: text if MARK.search(text.partition("\n")[0]) else sealed(path, text)
        for path, text in found.items()
    }


def staging_name(plan: Plan) -> str:
    """The staging model."""
    kind = "cases" if plan.wishes.milestones else "events"
    return f"stg_{plan.process}__{kind}"


# ---------------------------------------------------------------- contract


def contract(plan: Plan) -> str:
    """The source contract."""
    export = plan.export
    facts: dict[str, Any] = {"files": export.files, **plan.log.layout.facts()}
    facts |= {
        "null_markers": list(export.null_markers),
        "timezone": export.timezone,
        "delivery": export.delivery,
        "key": list(export.key),
        "cadence": export.cadence,
        "watermark": export.watermark,
        "exact_duplicates": export.exact_duplicates,
        "earliest": export.earliest,
        "latest": export.latest,
    }
    leaking = plan.proposal.leaking
    described = f"One row per {'case' if plan.wishes.milestones else 'event'}."
    if left_out := [name for name in leaking if name not in plan.names]:
        described += (
            f" Not declared, because every row of a case holds the value known at its "
            f"end: {', '.join(left_out)}."
        )
    table = {
        "name": EXPORT,
        "description": described,
        "config": {"meta": {"export": facts}},
        "columns": [_column(plan, column) for column in export.columns],
    }
    source = {
        "name": plan.process,
        "description": f"The log {plan.file_name}, as adopted; a later export of the "
        "whole log gets _r2, _r3 before its extension.",
        "tables": [table],
    }
    return yaml_text({"sources": [source]})


def _column(plan: Plan, column: Column) -> dict[str, Any]:
    meta: dict[str, Any] = {"header": column.in_file}
    if column.formats:
        formats = list(column.formats)
        meta["format"] = formats[0] if len(formats) == 1 else formats
    if column.required:
        meta["required"] = True
    if column.optional:
        meta["optional"] = True
    if column.normalize:
        meta["normalize"] = True
    meta["pii"] = column.pii
    return {
        "name": column.name,
        "data_type": column.data_type,
        "description": _described(plan, column),
        "config": {"meta": meta},
    }


_MEANING = {
    "case": "The case.",
    "activity": "What happened, as the log names it.",
    "timestamp": "Moment of the row.",
    "start": "Moment the step began.",
    "lifecycle": "Whether the row is a start or a completion.",
    "resource": "Who did it, as a pseudonym.",
    "org_unit": "Unit that did it.",
    "due": "Moment the case is promised for.",
    "outcome": "How the case ended.",
    "requester": "Who asked for it, as a pseudonym.",
    "segment": "What people cut by.",
    "end": "Moment the case ended.",
}


def _described(plan: Plan, column: Column) -> str:
    for part, meaning in _MEANING.items():
        if column.in_file in plan.proposal.values(part):
            return meaning
    for activity, header in plan.wishes.milestones:
        if header == column.in_file:
            return f"Moment of {activity}."
    words = {"drop": "Personal or free text; never kept.", "hash": "A pseudonym."}
    return words.get(column.pii, "As in the log; no model reads it.")


# ---------------------------------------------------------------- staging

# Part -> (name in staging, what it says); the order of the columns.
_STAGED = {
    "lifecycle": ("lifecycle", "start, complete and what else the log knows."),
    "start": ("started_at", "Moment the step began (UTC)."),
    "timestamp": ("occurred_at", "Moment of the row (UTC)."),
    "resource": ("resource_id", "Pseudonym of who did it; NULL if unknown."),
    "org_unit": ("org_unit_code", "Unit that did it; NULL if unknown."),
    "due": ("due_at", "Promised moment (UTC)."),
    "requester": ("requester_id", "Pseudonym of who asked; NULL if unknown."),
    "segment": ("segment_code", "What people cut by."),
    "outcome": ("outcome_code", "How it ended, as the row says."),
    "end": ("ended_at", "Moment the case ended, as the row says (UTC)."),
}
_CASE_PARTS = ("due", "requester", "segment", "outcome", "end")


def _staged(plan: Plan) -> list[tuple[str, str, str]]:
    """(SQL, name, meaning) of the staged parts that this log has."""
    found = []
    for part, (name, meaning) in _STAGED.items():
        column = plan.column(part)
        if column is None:
            continue
        sql = f"lower({column})" if part == "lifecycle" else column
        found.append((sql, name, meaning))
    return found


def _selected(parts: Iterable[tuple[str, str]], indent: str = "    ") -> str:
    lines = [sql if sql == name else f"{sql} as {name}" for sql, name in parts]
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
    told = [sql for sql, name in staged if name != "occurred_at"]
    order = ", ".join(dict.fromkeys([*map(_plain, told), "occurred_at"]))
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
            order by {order}
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


def _plain(sql: str) -> str:
    return sql.removeprefix("lower(").removesuffix(")")


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
    model = _model(
        staging_name(plan),
        f"One row per {grain} of the log; times are UTC.",
        [(name, columns[name]) for name in order],
        held,
        held[0],
    )
    return yaml_text({"models": [model]})


# ---------------------------------------------------------------- events


def _ref(model: str) -> str:
    return f"{{{{ ref('{model}') }}}}"


def _or_null(plan: Plan, part: str, name: str, kind: str, table: str = "") -> str:
    if plan.column(part) is None:
        return f"cast(null as {kind}) as {name}"
    return f"{table}{name}"


def events_sql(plan: Plan) -> str:
    """The events of the pack."""
    if plan.wishes.milestones:
        return _milestone_events(plan)
    pack, stage = plan.process, _ref(staging_name(plan))
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
            f"            paired.activity_code in ({_codes(moments, 16)})\n"
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


def _codes(codes: Sequence[str], indent: int) -> str:
    """Codes as a list in SQL, one per line."""
    pad = " " * indent
    lines = ",\n".join(f"{pad}{_quoted(code)}" for code in codes)
    return f"\n{lines}\n{pad[:-4]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _milestone_events(plan: Plan) -> str:
    pack, stage = plan.process, _ref(staging_name(plan))
    parts = "\n    union all\n".join(
        f"""\
    select
        process_instance_id,
        {_quoted(code)} as activity_code,
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
    model = _model(
        f"int_{pack}__events", "One row per step of a case.", columns, held, "event_id"
    )
    content: dict[str, Any] = {"models": [model]}
    if tests := _event_unit_tests(plan):
        content["unit_tests"] = tests
    return yaml_text(content)


def _model(
    name: str,
    description: str,
    columns: Iterable[tuple[str, str]],
    not_null: Sequence[str],
    unique: str,
) -> dict[str, Any]:
    """The entry of a model, with what its columns promise."""
    promises = {"not_null": list(not_null), "unique": [unique]}
    return {
        "name": name,
        "description": description,
        "columns": [
            {"name": column, "description": meaning} for column, meaning in columns
        ],
        "data_tests": [{"columns_hold": {"arguments": promises}}],
    }


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
            f"1,a,{_cell(work)},start,2026-03-02 01:00\n"
            f"2,a,{_cell(work)},complete,2026-03-02 03:00\n"
            f"3,b,{_cell(work)},start,2026-03-02 01:00"
        )
        rows = (
            f"{expected}\na,{_cell(work)},2026-03-02 01:00,2026-03-02 03:00\n"
            f"b,{_cell(work)},2026-03-02 01:00,"
        )
        name = "test_a_start_and_its_completion_are_one_step"
    else:
        return []
    return [unit_test(name, model, {f"ref('{stage}')": given}, rows)]


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set('",\n') & set(text) else text


def unit_test(
    name: str, model: str, given: Mapping[str, str], expected: str
) -> dict[str, Any]:
    return {
        "name": name,
        "model": model,
        "given": [
            {"input": source, "format": "csv", "rows": f"{rows}\n"}
            for source, rows in given.items()
        ],
        "expect": {"format": "csv", "rows": f"{expected}\n"},
    }


# ---------------------------------------------------------------- instances


def _attributes(plan: Plan) -> list[str]:
    return [part for part in _CASE_PARTS if plan.column(part)]


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
        {outcome} as outcome_code,
        {_attribute(plan, "segment", "segment_code", "varchar")},
        {_attribute(plan, "due", "due_at", "timestamp")},
        {_attribute(plan, "requester", "requester_id", "varchar")},
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
    false as is_cancelled,
    case when ended_at is not null then outcome_code end as outcome_code,
    cast(null as varchar) as exclusion_reason,
    due_at,
    requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    data_as_of
from ended
"""


def _attribute(plan: Plan, part: str, name: str, kind: str) -> str:
    if plan.column(part) is None:
        return f"cast(null as {kind}) as {name}"
    return f"attributes.{name}"


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
    events = _ref(f"int_{plan.process}__events")
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
    after_sql = f"activity_code in ({_codes(after, 12)})" if after else "false"
    return f"""marked as (
    select
        *,
        activity_code in ({_codes(ends, 12)}) as is_end,
        -- Seen only behind the end: a case in which the end is missing is over too.
        {after_sql} as is_after_end,
        -- Any other step opens the case again.
        activity_code not in ({_codes([*ends, *after, *tail], 12)}) as is_work
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
    stage = _ref(staging_name(plan))
    names = [_STAGED[part][0] for part in _attributes(plan)]
    if plan.wishes.milestones:
        listed = ",\n".join(f"        {name}" for name in names)
        return f"""attributes as (
    select
        process_instance_id,
{listed}
    from {stage}
)"""
    late = {"outcome_code", "ended_at"}
    lines = ",\n".join(
        f"        max(case when {'last' if name in late else 'first'}_rank = 1 "
        f"then {name} end) as {name}"
        for name in names
    )
    ranks = []
    if set(names) - late:
        ranks.append(
            """        row_number() over (
            partition by process_instance_id
            order by occurred_at, event_id
        ) as first_rank"""
        )
    if set(names) & late:
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
    columns = [
        ("process_code", f"Always {plan.process}."),
        ("process_instance_id", "The case."),
        ("segment_code", "What people cut by; unknown where there is nothing."),
        ("started_at", "Moment of its first step (UTC)."),
        ("ended_at", ended),
        ("started_on", "Local day of started_at."),
        ("ended_on", "Local day of ended_at."),
        ("is_cancelled", "Always false; how it ended is the outcome."),
        ("outcome_code", "How it ended; NULL while open."),
        ("exclusion_reason", "Always NULL; reasons belong to single KPIs."),
        ("due_at", "Promised moment (UTC); NULL if the log does not say."),
        ("requester_id", "Pseudonym of who asked; NULL if the log does not say."),
        ("score", "Always NULL."),
        ("cost_cents", "Always NULL."),
        ("data_as_of", "Moment up to which the log reaches (UTC)."),
    ]
    model = _model(
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
    work = _cell((works or [plan.steps[0].code])[0])
    ends = [_cell(step.code) for step in plan.ending("is_end")]
    after = [_cell(step.code) for step in plan.ending("is_after_end")]
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
    pack, stage = plan.process, _ref(staging_name(plan))
    instances = f"""\
left join {_ref("fct_process_instances")} as instances
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
    from {_ref("fct_events")}
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
left join {_ref("fct_events")} as events
    on log_rows.event_id = events.event_id
    and events.process_code = '{pack}'
{instances}
where
    {lost}
    or instances.process_instance_id is null
"""


# ---------------------------------------------------------------- expectations


def _bound(count: int, total: int) -> float:
    """Twice the upper 99 % Wilson bound of a share."""
    from scipy.stats import binomtest

    high = binomtest(count, total).proportion_ci(0.99, method="wilson").high
    return min(1.0, max(LEAST_SHARE, round(2 * float(high), 4)))


def _call(name: str, *arguments: str) -> str:
    lines = "".join(f"                {one},\n" for one in arguments)
    return f"            *rules.{name}(\n{lines}            ),\n"


def suite(plan: Plan) -> str:
    """The suite of the export, with thresholds from the file that was adopted."""
    log = plan.log
    total = plan.log.rows + plan.log.ragged
    parts = []
    for name in plan.export.key:
        parts.append(
            _call(
                "required",
                f'"{name}"',
                '"A row without it belongs to no case, step or moment."',
                "most_missing=0",
            )
        )
    for part in ("resource", "org_unit", "due", "requester", "segment"):
        column = plan.column(part)
        facts = log.named(plan.proposal.value(part) or "")
        if column is None or facts is None or column in plan.export.key:
            continue
        bound = _bound(facts.nulls, facts.rows)
        if bound < 1:
            observed = f"# Observed: {facts.nulls / facts.rows:.4f} missing.\n"
            parts.append(
                f"            {observed}"
                + _call(
                    "required",
                    f'"{column}"',
                    f'"{_MEANING[part]} Without it, figures by it are cut."',
                    f"most_missing={bound}",
                )
            )
    constants = ""
    activities = plan.proposal.values("activity")
    if len(activities) == 1 and not plan.wishes.milestones:
        values = sorted(step.name for step in plan.steps)
        listed = "".join(f"    {_literal(value)},\n" for value in values)
        constants = f"ACTIVITIES = (\n{listed})\n\n\n"
        parts.append(
            _call(
                "codes",
                '"activity"',
                "ACTIVITIES",
                '"A step that is not on the map has no name, place or owner."',
            )
        )
    start, end = plan.column("start"), plan.column("timestamp")
    if start and end:
        parts.append(
            _call(
                "in_order",
                f'"{start}"',
                f'"{end}"',
                '"Steps that end before they start have no length."',
                "most_reversed=0.05",
            )
        )
    if plan.wishes.milestones:
        parts.append(
            _call("unique", '["case_id"]', '"A case twice counts twice everywhere."')
        )
    newest = f'"{plan.export.watermark}"'
    parts.append(
        f"""\
            # Observed: {plan.last_day}.
            gxe.ExpectColumnMaxToBeBetween(
                column={newest},
                min_value=datetime({plan.last_day.year}, {plan.last_day.month}, 1),
                severity="critical",
                notes="A log that ends earlier than the one adopted is an old export.",
            ),
"""
    )
    rejected = plan.rejected / total
    rejects = _call(
        "rejects",
        '"Unreadable rows are steps that no case shows."',
        f"held={max(0.05, _bound(plan.rejected, total))}",
        f"usual={_bound(plan.rejected, total)}",
    )
    repeated = plan.duplicates / total
    delivery = f"""\
            # Observed: {plan.loaded}.
            gxe.ExpectColumnValuesToBeBetween(
                column="loaded",
                min_value={int(plan.loaded * 0.9)},
                severity="critical",
                notes="A log with far fewer rows than the one adopted was cut.",
            ),
            # Observed: {rejected:.4f}.
{rejects}"""
    if plan.export.exact_duplicates == "drop":
        delivery += f"            # Observed: {repeated:.4f}.\n" + _call(
            "duplicates",
            '"Far more repeated rows than before point to a joined export."',
            f"usual={_bound(plan.duplicates, total)}",
        )
    return f'''"""What the files of {plan.process} must meet before their rows count."""

from __future__ import annotations

from datetime import datetime

import great_expectations.expectations as gxe

from expectations import rules
from orchestration.suites import Suite

{constants or chr(10)}def {EXPORT}() -> Suite:
    """The log as adopted; a later export of it holds at least as much."""
    return Suite(
        batch=[
{"".join(parts)}        ],
        delivery=[
{delivery}        ],
    )
'''


def _literal(text: str) -> str:
    """A Python string as the formatter writes it."""
    quote = "'" if '"' in text and "'" not in text else '"'
    body = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{body}{quote}"


# ---------------------------------------------------------------- registers


def rows(plan: Plan) -> dict[str, list[dict[str, str]]]:
    """Rows of the registers; owners are left blank, for people to fill in."""
    ends = plan.ending("is_end")
    title = plan.process.replace("_", " ").capitalize()
    last = ends[0] if ends else plan.steps[-1]
    process = {
        "process_code": plan.process,
        "name_en": title,
        "name_zh": title,
        "start_activity_code": plan.steps[0].code,
        "end_activity_code": last.code,
        "timezone": plan.timezone,
    }
    valid_from = plan.export.earliest
    steps = [
        {
            "process_code": plan.process,
            "activity_code": step.code,
            "valid_from": valid_from.isoformat() if valid_from else "1990-01-01",
            "step_no": str(number),
            "name_en": step.name,
            "name_zh": step.name,
            "value": "necessary",
            "kind": "work",
            "is_terminal": _flag(step.is_end or step.is_after_end),
            "is_after_end": _flag(step.is_after_end),
            "hard_to_quantify": "false",
        }
        for number, step in enumerate(plan.steps, start=1)
    ]
    return {"processes": [process], "process_steps": steps}


def _flag(value: bool) -> str:
    return str(value).lower()


def first_of(steps: Iterable[Step]) -> str:
    """The code of the first step."""
    return next(iter(steps)).code
