"""New sources, packs and KPIs as files of the house style, with the decisions open.

A decision is a mark `<decide field: what to write>` in a file. As long as one is left,
no refresh starts: `undecided` finds them for the run and for the convention test.
Here: which files belong to what, and the lists and registers they are entered in. Not
here: how they read (`templates/`) and what must hold between them (the tests).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).parent / "templates"
# Where decisions may be open: what a refresh reads and people write.
PLACES = ("models", "seeds", "expectations", "tests/data")
KINDS = frozenset({".sql", ".yml", ".csv", ".py"})
MARK = re.compile(r"<decide (\w+): ([^<>]+)>")

PACK_LISTS = (
    "models/processes/core/int_process_events.sql",
    "models/processes/core/int_process_instances.sql",
)
KPI_LIST = "models/marts/fct_kpi_observations.sql"
TWO_WORDS = r"([a-z][a-z0-9]*)\.([a-z][a-z0-9_]*)"
DELIVERIES = ("append", "delta", "snapshot")

# Unit shown, which is how a KPI's name ends -> factor from its parts, kind of measure.
UNITS = {
    "seconds": ("1", "duration"),
    "minutes": ("1/60", "duration"),
    "hours": ("1/3600", "duration"),
    "days": ("1/86400", "duration"),
    "pct": ("100", "rate"),
    "score": ("1", "score"),
    "count": ("1", "count"),
    "cny": ("1/100", "amount"),
}
# Kind of measure -> the parts above the line, and those of a case of two hours.
PARTS = {
    "duration": (
        "{{ elapsed_seconds('<decide from: the first milestone, such as started_at>', "
        "'<decide to: the last one, such as ended_at>') }}",
        "7200",
    ),
    "rate": (
        "case when <decide hit: what makes a case a good one> then 1 else 0 end",
        "<decide expected: 0 or 1 for this case>",
    ),
}
OTHER_PARTS = (
    "<decide numerator: whole points, cents or counts>",
    "<decide expected: the parts of this case>",
)


class ScaffoldError(ValueError):
    """The name does not fit, or something of that name is there already."""


class Undecided(Exception):
    """The project has open decisions; the message names files and fields."""


@dataclass(frozen=True)
class Decision:
    """A mark that is left: file, field and what to write."""

    path: Path
    field: str
    hint: str


def need_decisions(root: Path) -> None:
    """Raise Undecided if a file says nothing yet because it was never filled in."""
    left = undecided(root)
    if left:
        raise Undecided(f"Not decided yet:\n{in_words(left)}")


def undecided(root: Path) -> list[Decision]:
    """Every open decision of a project, each once per file."""
    return [found for path in _files(root) for found in decisions(root, path)]


def decisions(root: Path, path: Path) -> list[Decision]:
    """The open decisions of one file below `root`."""
    marks = MARK.findall((root / path).read_text(encoding="utf-8", errors="replace"))
    return [Decision(path, field, hint) for field, hint in dict(marks).items()]


def in_words(found: list[Decision]) -> str:
    """Each file, and below it its open fields with what to write."""
    lines: dict[Path, list[str]] = {}
    for one in found:
        lines.setdefault(one.path, []).append(f"    {one.field}: {one.hint}")
    return "\n".join(
        "\n".join([path.as_posix(), *fields]) for path, fields in lines.items()
    )


def _files(root: Path) -> Iterator[Path]:
    for place in PLACES:
        for path in sorted((root / place).rglob("*")):
            if path.suffix in KINDS and path.is_file():
                yield path.relative_to(root)


# ---------------------------------------------------------------- what is written


def new_source(root: Path, name: str, delivery: str) -> list[Path]:
    """Write contract, staging model and suite of an export, `source.export`.

    An export of a source that is there already is added to its contract and suites.
    Returns the files written, relative to `root`; raises ScaffoldError before writing.
    """
    source, export = _parts(
        name, r"([a-z][a-z0-9]*)\.([a-z][a-z0-9_]*)", "desk.tickets"
    )
    model = f"stg_{source}__{export}"
    words = {
        "source": source,
        "export": export,
        "model": model,
        "delivery": delivery,
        "key_line": 'key: ["<decide key: the columns that identify a row>"]'
        if delivery == "delta"
        else "# No key: rows are never replaced one by one.",
    }
    folder = Path("models/staging") / source
    draft = Draft(root)
    contract = folder / f"_{source}__sources.yml"
    suites = Path("expectations") / f"{source}.py"
    draft.add(contract, "source.yml", "source_table.yml", words)
    draft.add(suites, "suite_head.py.txt", "suite.py.txt", words)
    if draft.files[contract].count(f"\n      - name: {export}\n") > 1:
        raise ScaffoldError(f"{contract.as_posix()} declares {export} already.")
    if draft.files[suites].count(f"\ndef {export}(") > 1:
        raise ScaffoldError(f"{suites.as_posix()} has a suite {export} already.")
    draft.create(folder / f"{model}.sql", f"staging_{delivery}.sql", words)
    draft.create(folder / f"{model}.yml", "staging.yml", words)
    return draft.write()


def new_pack(root: Path, pack: str) -> list[Path]:
    """Write events, instances, map rows and the first test of a process pack.

    Returns the files written or changed; raises ScaffoldError before writing.
    """
    (pack,) = _parts(pack, r"([a-z][a-z0-9]*)", "tickets")
    words = {"pack": pack}
    folder = Path("models/processes") / pack
    draft = Draft(root)
    for kind in ("events", "instances"):
        for suffix in (".sql", ".yml"):
            path = folder / f"int_{pack}__{kind}{suffix}"
            draft.create(path, f"{kind}{suffix}", words)
    test = Path("tests/data") / pack / f"assert_{pack}__no_case_is_lost.sql"
    draft.create(test, "no_case_is_lost.sql", words)
    draft.append_row(
        "processes",
        {
            "process_code": pack,
            **_open("name_en", "name_zh", "purpose_en", "purpose_zh", "objective_code"),
            "start_activity_code": "<decide first_step: its code on the process map>",
            "end_activity_code": "<decide last_step: its code on the process map>",
            **_open("owner_code", "calendar_code"),
            "timezone": "<decide timezone: IANA name of its local days>",
        },
    )
    for number, step in enumerate(("first_step", "last_step"), start=1):
        draft.append_row(
            "process_steps",
            {
                "process_code": pack,
                "activity_code": f"<decide {step}: its code>",
                "valid_from": "<decide valid_from: the first day of this map>",
                "step_no": str(number),
                **_open("name_en", "name_zh", "org_unit_code"),
                "value": "<decide value: va, necessary or nva>",
                "kind": "work",
                "is_terminal": str(step == "last_step").lower(),
                "is_after_end": "false",
                "hard_to_quantify": "false",
                **_open("owner_code"),
            },
        )
    for path in PACK_LISTS:
        draft.append_item(Path(path), "packs", pack)
    return draft.write()


def new_kpi(root: Path, code: str) -> list[Path]:
    """Write model, YAML, register row and line in the union of a KPI.

    Returns the files written or changed; raises ScaffoldError before writing.
    """
    example = "tickets.resolution_hours"
    pack, measure = _parts(code, TWO_WORDS, example)
    if not (root / f"models/processes/{pack}").is_dir():
        raise ScaffoldError(
            f"There is no pack {pack!r} in models/processes. First: "
            f"takt new pack {pack}"
        )
    unit = measure.rsplit("_", 1)[-1]
    if unit not in UNITS or unit == measure:
        raise ScaffoldError(
            f"{code!r} must end in the unit that people see, such as {example}. "
            f"Units: {', '.join(UNITS)}"
        )
    scale, measure_type = UNITS[unit]
    numerator, expected = PARTS.get(measure_type, OTHER_PARTS)
    model = f"kpi_{pack}__{measure}"
    words = {
        "pack": pack,
        "code": code,
        "model": model,
        "numerator": numerator,
        "expected": expected,
    }
    draft = Draft(root)
    for suffix in (".sql", ".yml"):
        path = Path("models/metrics") / pack / f"{model}{suffix}"
        draft.create(path, f"kpi{suffix}", words)
    is_duration = measure_type == "duration"
    draft.append_row(
        "kpis",
        {
            "kpi_code": code,
            "valid_from": "<decide valid_from: the first day it is measured>",
            "version": "1.0",
            **_open("name_en", "name_zh", "numerator_en", "numerator_zh"),
            **_open("denominator_en", "denominator_zh"),
            "exclusions": "cancelled",
            "subject": "<decide subject: what one row measures>",
            "process_code": pack,
            **(_open("from_activity_code", "to_activity_code") if is_duration else {}),
            "measure_type": measure_type,
            "family": "<decide family: speed, quality, cost, volume or satisfaction>",
            "kind": "<decide kind: outcome or behaviour>",
            "unit": unit,
            "scale": scale,
            "direction": "<decide direction: higher, lower or range>",
            "bound_min": "0",
            "bound_max": "100" if measure_type == "rate" else "",
            "period": "<decide period: day, week, month, quarter or half_year>",
            "assign_by": "completion",
            "clock": "elapsed" if is_duration else "",
            "publish_lag_days": "<decide publish_lag_days: until a value is final>",
            "source_fields": "<decide source_fields: source.export.column of each>",
            "is_manual": "false",
            "tier": "<decide tier: core, supporting or monitor>",
            "status": "proposed",
        },
    )
    draft.append_item(Path(KPI_LIST), "kpis", model)
    return draft.write()


def _open(*fields: str) -> dict[str, str]:
    """Open cells of a register, whose headers say what belongs there."""
    return {field: f"<decide {field}: see the other rows>" for field in fields}


def _parts(name: str, pattern: str, example: str) -> tuple[str, ...]:
    found = re.fullmatch(pattern, name)
    if found is None:
        raise ScaffoldError(
            f"{name!r} does not fit; small letters and digits, such as {example}"
        )
    return found.groups()


class Draft:
    """Files to be written together, or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[Path, str] = {}

    def create(self, path: Path, template: str, words: Mapping[str, str]) -> None:
        """A new file; ScaffoldError if it is there."""
        if (self.root / path).exists():
            raise ScaffoldError(f"{path.as_posix()} is there already.")
        self.files[path] = _filled(template, words)

    def add(
        self, path: Path, head: str, template: str, words: Mapping[str, str]
    ) -> None:
        """Text at the end of a file; a new file begins with `head`."""
        there = self.root / path
        text = there.read_text(encoding="utf-8") if there.exists() else ""
        text = text or _filled(head, words)
        self.files[path] = text.rstrip("\n") + "\n" + _filled(template, words)

    def append_row(self, seed: str, values: Mapping[str, str]) -> None:
        """Put a row at the end of a register; columns that are not named stay empty."""
        path = Path("seeds") / f"{seed}.csv"
        text = self._text(path)
        header, *rows = csv.reader(io.StringIO(text))
        if seed in {"processes", "kpis"} and values[header[0]] in {r[0] for r in rows}:
            raise ScaffoldError(f"{path.as_posix()} has {values[header[0]]} already.")
        row = io.StringIO()
        writer = csv.DictWriter(row, header, restval="", lineterminator="\n")
        writer.writerow(values)
        self.files[path] = text.rstrip("\n") + "\n" + row.getvalue()

    def append_item(self, path: Path, name: str, item: str) -> None:
        """Put a name at the end of a list of a model, `{% set name = […] %}`."""
        text = self._text(path)
        found = re.search(rf"\{{% set {name} = \[(.*?)\s*\] %\}}", text, re.DOTALL)
        if found is None:
            raise ScaffoldError(f"{path.as_posix()} has no list {name!r}.")
        if f"'{item}'" in found[1]:
            raise ScaffoldError(f"{path.as_posix()} names {item} already.")
        items = found[1].rstrip().removesuffix(",")
        if "\n" in found[0]:
            items += f",\n    '{item}',"
        else:
            items = f"{items}, '{item}'" if items else f"'{item}'"
        start, end = found.span(1)
        self.files[path] = text[:start] + items + text[end:]

    def _text(self, path: Path) -> str:
        if path not in self.files:
            self.files[path] = (self.root / path).read_text(encoding="utf-8")
        return self.files[path]

    def write(self) -> list[Path]:
        for path, text in self.files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return list(self.files)


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return Template(text).substitute(words)
