"""Candidates of discovery as KPIs of the house: model, tests, register row, list line.

A model says what its candidate measures, in SQL of its own over the process core, so
that it stands when discovery changes; its counted rows are the candidate's. A KPI stays
`proposed` until a person gives it an owner. Here: the files and rows of a KPI. Not
here: what a candidate measures (`measures`), how it is found and scored
(`models/discovery/`).
"""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from orchestration import scaffold
from orchestration.adopt.measures import (
    BEGUN,
    CASES,
    DAY,
    ENDED,
    ID,
    Measure,
    Reason,
    Shown,
    Subject,
    measure,
)
from orchestration.adopt.render.text import (
    WIDTH,
    cell,
    named,
    sealed,
    unit_test,
    yaml_text,
)
from orchestration.adopt.write import AdoptError, Change, changes
from orchestration.registers import nearest

COLUMNS = (
    "candidate_id, template_code, from_activity_code, to_activity_code, name_en, "
    "name_zh, measure_type, unit, scale, direction, kind, family, assign_by, "
    "path_clock, handover_by, activity_codes, outcome_codes, threshold_seconds, "
    "window_days, period_grain, status, refusal_reason, is_core, reason_en"
)


def accepted(
    root: Path, process: str, found: Sequence[Mapping[str, Any]], ids: Sequence[str]
) -> list[Change]:
    """What accepting these candidates would do. Raises AdoptError before anything."""
    by_id = {str(row["candidate_id"]): row for row in found}
    processes = _seed(root, "processes")
    zone = next(
        (r["timezone"] for r in processes if r["process_code"] == process), None
    )
    if zone is None:
        known = [row["process_code"] for row in processes]
        raise AdoptError(f"There is no process {process!r}{nearest(process, known)}")
    steps = [r for r in _seed(root, "process_steps") if r["process_code"] == process]
    places = {row["activity_code"]: row["step_no"] for row in steps}
    approvals = sorted({r["activity_code"] for r in steps if r["kind"] == "approval"})
    fields = _fields(root, process)
    files: dict[Path, str] = {}
    rows, items = [], []
    for one in ids:
        candidate = by_id.get(one)
        if candidate is None:
            raise AdoptError(f"There is no candidate {one!r}{nearest(one, by_id)}")
        if candidate["status"] == "refused":
            reason = candidate["refusal_reason"]
            raise AdoptError(f"{one} cannot be measured: {reason}")
        subject = Subject(candidate, process, zone, places, approvals)
        how = measure(subject)
        code = f"{process}.{how.name}_{candidate['unit']}"
        model = "kpi_" + code.replace(".", "__")
        path = Path("models/metrics") / process / f"{model}.sql"
        if path in files:
            raise AdoptError(f"{one}: another one is named {code}; accept it alone")
        files[path] = sealed(path, _sql(code, subject, how), f"Grain: {_grain(how)}")
        files[path.with_suffix(".yml")] = sealed(
            path.with_suffix(".yml"), _yml(code, model, subject, how)
        )
        rows.append(_row(code, subject, how, steps, fields))
        items.append(model)
    return changes(
        root,
        process,
        files,
        {"kpis": rows},
        {"kpis": ((scaffold.KPI_LIST,), items)},
    )


def _seed(root: Path, name: str) -> list[dict[str, str]]:
    with (root / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _fields(root: Path, process: str) -> str:
    """The export fields that a KPI of an adopted log rests on."""
    import yaml

    path = root / f"models/staging/{process}/_{process}__sources.yml"
    if not path.exists():
        raise AdoptError(f"{process} was not adopted: write its KPIs with takt new kpi")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    (source,) = content["sources"]
    (table,) = source["tables"]
    export = table["config"]["meta"]["export"]
    names = dict.fromkeys([*export["key"], export["watermark"]])
    return "|".join(f"{process}.{table['name']}.{name}" for name in names)


def _grain(how: Measure) -> str:
    return f"one row per {how.grain.split(',')[0]}."


# ---------------------------------------------------------------- the model


def _sql(code: str, subject: Subject, how: Measure) -> str:
    ctes = [("scoped", _scoped(code, subject, how)), *how.ctes]
    whens = "\n".join(map(_when, how.reasons))
    ctes.append(
        (
            "reasoned",
            f"""\
    select
        *,
        case
{whens}
        end as reason
    from {ctes[-1][0]}""",
        )
    )
    states = "".join(
        f"        when reason = '{one.code}' then '{one.state}'\n"
        for one in how.reasons
        if one.state != "excluded"
    )
    day = how.day
    waiting = [one.code for one in how.reasons if one.state == "open"]
    if waiting:
        day = (
            f"case\n        when reason = '{waiting[0]}'\n"
            f"            then {subject.covered_sql()}\n"
            f"        else coalesce({how.day}, started_on)\n    end"
        )
    return f"""\
with {
        (chr(10) * 2).join(
            f"{name} as ({chr(10)}{sql}{chr(10)})," for name, sql in ctes
        )[:-1]
    }

select
    '{code}' as kpi_code,
    {named(how.subject, "subject_id")},
    {named(how.segment, "segment_code")},
    {day} as measured_on,
{_part(how.numerator, "numerator")}
{_part(how.denominator, "denominator")}
    case
        when reason is null then 'counted'
{states}        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
"""


def _scoped(code: str, subject: Subject, how: Measure) -> str:
    """The rows of the relation that are looked at, and how far the data reach."""
    selected, joined = "subjects.*", ""
    scope = [f"subjects.process_code = '{subject.process}'", *how.where]
    if how.relation == CASES:
        # As discovery does: before its first step is done, nothing is known of a case.
        scope += ["subjects.exclusion_reason is null", "subjects.events > 0"]
    else:
        selected += ",\n        cases.segment_code"
        scope += ["cases.exclusion_reason is null", "not cases.is_cancelled"]
        joined = f"""
    inner join {{{{ ref('{CASES}') }}}} as cases
        on subjects.process_code = cases.process_code
        and subjects.process_instance_id = cases.process_instance_id"""
    where = "\n        and ".join(scope)
    return f"""\
    select
        {selected},
        freshness.data_as_of as kpi_data_as_of
    from {{{{ ref('{how.relation}') }}}} as subjects{joined}
    inner join {{{{ ref('int_kpi_freshness') }}}} as freshness
        on freshness.kpi_code = '{code}'
    where
        {where}"""


def _part(sql: str, name: str) -> str:
    """A part of the row, which is NULL unless it counts."""
    if sql == "1":
        return f"    case when reason is null then cast(1 as bigint) end as {name},"
    cast = f"            then cast({sql} as bigint)"
    if "\n" in sql or len(cast) > WIDTH:
        body = textwrap.indent(sql, " " * 16)
        cast = f"            then cast(\n{body} as bigint\n            )"
    return f"    case\n        when reason is null\n{cast}\n    end as {name},"


def _when(one: Reason) -> str:
    line = f"            when {one.condition} then '{one.code}'"
    if len(line) <= WIDTH:
        return line
    return (
        f"            when\n                {one.condition}\n"
        f"                then '{one.code}'"
    )


# ---------------------------------------------------------------- its description

_OBSERVED = (
    ("kpi_code", "string", "Always {code}."),
    ("subject_id", "string", "What is measured."),
    ("segment_code", "string", "Segment of the case."),
    ("measured_on", "date", "Local day it counts on; the last covered day while open."),
    ("numerator", "bigint", "{numerator}; NULL unless counted."),
    ("denominator", "bigint", "{denominator}; NULL unless counted."),
    ("state", "string", "Whether the row counts."),
    ("exclusion_reason", "string", "Why it does not count; NULL if it does."),
    ("data_as_of", "timestamp", "UTC moment up to which its sources reach."),
)


def _yml(code: str, model: str, subject: Subject, how: Measure) -> str:
    words = {
        "code": code,
        "numerator": how.parts[0].capitalize(),
        "denominator": how.parts[2].capitalize() if how.denominator != "1" else "1",
    }
    columns = [
        {"name": name, "data_type": kind, "description": meaning.format(**words)}
        for name, kind, meaning in _OBSERVED
    ]
    held = {
        "not_null": [
            "subject_id",
            "segment_code",
            "measured_on",
            "state",
            "data_as_of",
        ],
        "unique": ["subject_id"],
        "accepted_values": {
            "state": [
                "counted",
                *dict.fromkeys([*(one.state for one in how.reasons), "excluded"]),
            ],
            "exclusion_reason": [one.code for one in how.reasons],
        },
    }
    note = f" {how.note}" if how.note else ""
    entry = {
        "name": model,
        "description": f"One row per {how.grain}. {how.parts[0].capitalize()}, of "
        f"{how.parts[2]}.{note} Accepted from what discovery proposed; elapsed time, "
        "nights included.",
        "config": {"contract": {"enforced": True}},
        "columns": columns,
        "data_tests": [{"columns_hold": {"arguments": held}}],
    }
    return yaml_text(
        {"models": [entry], "unit_tests": _unit_tests(code, model, subject, how)}
    )


# ---------------------------------------------------------------- its unit tests

_EXPECTED = "subject_id,measured_on,numerator,denominator,state,exclusion_reason"


def _unit_tests(
    code: str, model: str, subject: Subject, how: Measure
) -> list[dict[str, Any]]:
    """One of what counts, one of what does not, each case with the rows beside it."""
    shown = [row for one in how.shown for row in one.rows]
    kept = [
        f"{_subject_id(how, one)},{_dated(subject, how, one)},,,{one.state},{one.code}"
        for one in how.reasons
    ]
    counted = [
        [f"{name},{day},{top},{bottom},counted," for name, day, top, bottom in rows]
        for rows in ([*shown, *how.also], how.also)
    ]
    reasons = [Shown(one.code, (), one.case, one.beside) for one in how.reasons]
    return [
        unit_test(name, model, _given(code, subject, how, cases), _table(expected))
        for name, cases, expected in (
            ("test_what_counts_has_its_parts_on_its_day", how.shown, counted[0]),
            (
                "test_what_does_not_count_stays_with_a_reason",
                reasons,
                [*counted[1], *kept],
            ),
        )
    ]


def _table(rows: Iterable[str]) -> str:
    return "\n".join([_EXPECTED, *rows])


def _subject_id(how: Measure, one: Reason) -> str:
    if how.subject in {ID, "subject_id"}:
        return one.code
    if how.subject == "event_id":
        return "e1"
    return f"{one.code}/{'2' if how.day == 'moved_on' else _cell_day(how, one)}"


def _cell_day(how: Measure, one: Reason) -> str:
    return one.case.get("started_on", DAY)


def _dated(subject: Subject, how: Measure, one: Reason) -> str:
    """The day on which a row that does not count stands."""
    if one.state == "open":
        return str(subject.covered(how.as_of))
    if one.day:
        return one.day
    return one.case.get("started_on", DAY)


def _given(
    code: str, subject: Subject, how: Measure, cases: Sequence[Shown]
) -> dict[str, str]:
    process = {"process_code": subject.process}
    example = {
        **process,
        ID: "",
        "segment_code": "a",
        "is_cancelled": "false",
        "events": "4",
        "started_at": BEGUN,
        "ended_at": ENDED,
        "started_on": DAY,
        "ended_on": DAY,
    }
    given = {
        "ref('int_kpi_freshness')": f"kpi_code,data_as_of\n{code},{how.as_of}",
        f"ref('{CASES}')": _rows(
            {**example, ID: one.name, **one.case} for one in cases
        ),
    }
    if how.beside:
        table, cells = how.beside
        # Where no case has such a row, one of another process keeps the header.
        rows = [
            {**cells, ID: one.name, **one.beside}
            for one in cases
            if one.beside is not None
        ] or [{**cells, ID: "", "process_code": "another"}]
        given[f"ref('{table}')"] = _rows(rows)
    return given


def _rows(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows as CSV; a column that only some name is empty in the others."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(cell(row.get(name, "")) for name in names) for row in rows]
    return "\n".join([",".join(names), *lines])


# ---------------------------------------------------------------- its row


def _row(
    code: str,
    subject: Subject,
    how: Measure,
    steps: Sequence[Mapping[str, str]],
    fields: str,
) -> dict[str, str]:
    candidate = subject.candidate
    kind = candidate["measure_type"]
    numerator_en, numerator_zh, denominator_en, denominator_zh = how.parts
    return {
        "kpi_code": code,
        "valid_from": min(step["valid_from"] for step in steps),
        "version": "1.0",
        "name_en": str(candidate["name_en"]),
        "name_zh": str(candidate["name_zh"]),
        "numerator_en": numerator_en,
        "numerator_zh": numerator_zh,
        "denominator_en": denominator_en,
        "denominator_zh": denominator_zh,
        "exclusions": "|".join(
            one.code for one in how.reasons if one.state == "excluded"
        ),
        "subject": how.grain.split(",")[0],
        "process_code": subject.process,
        "from_activity_code": candidate["from_activity_code"] or "",
        "to_activity_code": candidate["to_activity_code"] or "",
        "measure_type": str(kind),
        "family": str(candidate["family"]),
        "kind": str(candidate["kind"]),
        "unit": str(candidate["unit"]),
        "scale": str(Fraction(candidate["scale"]).limit_denominator(100_000)),
        "direction": str(candidate["direction"]),
        "bound_min": "" if kind == "score" else "0",
        "bound_max": "100" if candidate["unit"] == "pct" else "",
        "period": str(candidate["period_grain"]),
        "assign_by": str(candidate["assign_by"]),
        "window_days": str(candidate["window_days"] or ""),
        "clock": "elapsed" if kind == "duration" else "",
        "publish_lag_days": "0",
        "source_fields": fields,
        "is_manual": "false",
        "tier": "core" if candidate["is_core"] else "supporting",
        "status": "proposed",
        "reason": textwrap.shorten(str(candidate["reason_en"] or ""), 300),
    }
