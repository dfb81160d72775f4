"""The registers that the business edits, checked before anything is built.

A register is a CSV file in `seeds/`. Here: which columns each has and what a cell may
hold, what must hold between rows and files, and one message per mistake that names
file, line, column, value and what is allowed. Not here: what a target or KPI is worth
(`models/review/`), and the casts for SQL (`models/staging/registers/`).
"""

from __future__ import annotations

import csv
import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
SECRET = re.compile(r"://|@")


@dataclass(frozen=True)
class Ref:
    """The cell names a row of another register."""

    register: str


# ------------------------------------------------------------------ cells


def _code(cell: str) -> str:
    if not CODE.fullmatch(cell):
        raise ValueError("not a code; write lower case letters, digits and _")
    return cell


def _template(cell: str) -> str:
    if not re.fullmatch(r"T\d\d", cell):
        raise ValueError("not a template; write T and two digits")
    return cell


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        found = re.search(r"-?\d+(\.\d+)?", cell)
        hint = f"; write {found[0]}" if found else "; write digits, such as 12.5"
        raise ValueError(f"not a number{hint}") from None


def _scale(cell: str) -> Fraction:
    try:
        return Fraction(cell)
    except (ValueError, ZeroDivisionError):
        raise ValueError("not a factor; write a number or 1/60") from None


def _whole(cell: str) -> int:
    number = _number(cell)
    if number != int(number):
        raise ValueError(f"not a whole number; write {int(number)}")
    return int(number)


def _date(cell: str) -> date:
    try:
        return datetime.strptime(cell, "%Y-%m-%d").date()
    except ValueError:
        raise ValueError("not a date; write YYYY-MM-DD") from None


def _boolean(cell: str) -> bool:
    if cell not in {"true", "false"}:
        raise ValueError("not one of true, false")
    return cell == "true"


def _time(cell: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", cell):
        raise ValueError("not a time of day; write HH:MM")
    return cell


# Listing the zones walks through a folder of files.
_zones = cache(available_timezones)


def _zone(cell: str) -> str:
    if cell not in _zones():
        near = nearest(cell, _zones())
        raise ValueError(f"not a time zone{near or '; write one like Asia/Shanghai'}")
    return cell


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|")]


def nearest(cell: str, known: Iterable[str]) -> str:
    """`; nearest: x` for the known word most like the cell, or nothing."""
    found = difflib.get_close_matches(cell, list(known), n=1)
    return f"; nearest: {found[0]}" if found else ""


def _of(read: Callable[[str], Any]) -> BeforeValidator:
    return BeforeValidator(read)


Code = Annotated[str, _of(_code)]
Template = Annotated[str, _of(_template)]
Number = Annotated[float, _of(_number)]
Scale = Annotated[Fraction, _of(_scale)]
Whole = Annotated[int, _of(_whole)]
Day = Annotated[date, _of(_date)]
Flag = Annotated[bool, _of(_boolean)]
Time = Annotated[str, _of(_time)]
Zone = Annotated[str, _of(_zone)]
Parts = Annotated[list[str], _of(_parts)]
Nodes = Annotated[list[Literal["decision", "collaboration", "risk"]], _of(_parts)]
Owner = Annotated[str, Ref("owners")]
OrgUnit = Annotated[str, Ref("org_units")]
Kpi = Annotated[str, Ref("kpis")]
Process = Annotated[str, Ref("processes")]
Objective = Annotated[str, Ref("objectives")]
Calendar = Annotated[str, Ref("calendars")]
Intervention = Annotated[str, Ref("interventions")]
Field = Annotated[Parts, Ref("export fields")]


# ------------------------------------------------------------------ registers


class Row(BaseModel):
    """One row of a register: blank cells are None, everything else is typed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: ClassVar[tuple[str, ...]]
    line: int


class Dated(Row):
    """A row in force from `valid_from` (inclusive) to `valid_to` (exclusive)."""

    valid_from: Day
    valid_to: Day | None

    def in_force(self, day: date) -> bool:
        """Whether the row holds on a day."""
        return self.valid_from <= day and (not self.valid_to or day < self.valid_to)


class ProcessRow(Row):
    key = ("process_code",)
    process_code: Code
    name_en: str
    name_zh: str
    purpose_en: str | None
    purpose_zh: str | None
    start_activity_code: str
    end_activity_code: str
    objective_code: Objective | None
    owner_code: Owner | None
    calendar_code: Calendar | None
    timezone: Zone


class StepRow(Dated):
    key = ("process_code", "activity_code", "valid_from")
    process_code: Process
    # As the log names it.
    activity_code: str
    step_no: Whole
    name_en: str
    name_zh: str
    org_unit_code: OrgUnit | None
    role_en: str | None
    role_zh: str | None
    inputs_en: str | None
    inputs_zh: str | None
    outputs_en: str | None
    outputs_zh: str | None
    output_fields: Field | None
    node: Nodes | None
    value: Literal["va", "necessary", "nva"]
    nva_reason: str | None
    kind: Literal["work", "approval", "change", "rework"]
    approval_level: Whole | None
    is_terminal: Flag
    is_after_end: Flag
    hard_to_quantify: Flag | None
    owner_code: Owner | None


class ObjectiveRow(Dated):
    key = ("objective_code", "valid_from")
    objective_code: Code
    parent_code: Objective | None
    level: Literal["strategy", "department", "process"]
    name_en: str
    name_zh: str
    statement_en: str | None
    statement_zh: str | None
    org_unit_code: OrgUnit
    weight: Number | None
    outcome_kpi_code: Kpi | None
    owner_code: Owner


class KpiRow(Dated):
    key = ("kpi_code", "valid_from")
    kpi_code: Code
    version: str
    name_en: str | None
    name_zh: str | None
    numerator_en: str | None
    numerator_zh: str | None
    denominator_en: str | None
    denominator_zh: str | None
    exclusions: Parts | None
    subject: str
    process_code: Process | None
    from_activity_code: str | None
    to_activity_code: str | None
    measure_type: Literal["duration", "rate", "count", "amount", "score"]
    family: Literal["speed", "quality", "cost", "volume", "satisfaction"]
    kind: Literal["outcome", "behaviour"]
    unit: str
    scale: Scale
    direction: Literal["higher", "lower", "range"]
    bound_min: Number | None
    bound_max: Number | None
    ideal: Number | None
    resolution: Number | None
    period: Literal["day", "week", "month", "quarter", "half_year", "ytd"] | None
    assign_by: Literal["completion", "start", "event", "snapshot"] | None
    window_days: Whole | None
    restates_days: Whole | None
    clock: Literal["elapsed", "working"] | None
    publish_lag_days: Whole | None
    source_fields: Field
    is_manual: Flag
    data_owner_code: Owner | None
    owner_code: Owner | None
    objective_code: Objective | None
    weight: Number | None
    tier: Literal["core", "supporting", "monitor"]
    status: Literal["proposed", "active", "retired"]
    decision: str | None
    next_review: Day | None
    reason: str | None


class TargetRow(Dated):
    key = ("kpi_code", "segment_code", "valid_from")
    kpi_code: Kpi
    segment_code: str
    target_min: Number | None
    target_max: Number | None
    alarm_min: Number | None
    alarm_max: Number | None
    case_limit: Number | None
    floor: Number | None
    stretch: Number | None
    change_type: Literal["level", "relative", "points"]
    change: Number | None
    baseline_from: Day | None
    baseline_to: Day | None
    due_on: Day | None
    review_by: Day | None
    intervention_code: Intervention | None
    approver_code: Owner | None
    alert_to_code: Owner | None
    on_alarm_en: str | None
    on_alarm_zh: str | None
    reason: str | None


class CounterRow(Dated):
    key = ("kpi_code", "counter_kpi_code", "valid_from")
    kpi_code: Kpi
    counter_kpi_code: Kpi
    material_change: Number | None
    harm_margin: Number | None
    reason: str | None


class BenchmarkRow(Row):
    key = ("kpi_code", "source")
    kpi_code: Kpi
    source: str
    value: Number
    unit: str
    statistic: Literal["mean", "median", "bottom_bound", "other"]
    clock: Literal["elapsed", "working"] | None
    population_en: str
    population_zh: str
    year: Whole | None
    url: str | None
    definition_match: Literal["exact", "close", "different"]


class OwnerRow(Dated):
    key = ("owner_code", "valid_from")
    owner_code: Code
    name_en: str
    name_zh: str
    org_unit_code: OrgUnit
    language: Literal["en", "zh"]
    deputy_code: Owner | None


class OrgUnitRow(Dated):
    key = ("org_unit_code", "valid_from")
    org_unit_code: Code
    parent_code: OrgUnit | None
    name_en: str
    name_zh: str
    head_owner_code: Owner


class CalendarRow(Dated):
    key = ("calendar_code", "weekday", "opens_at", "valid_from")
    calendar_code: Code
    weekday: Whole
    opens_at: Time
    closes_at: Time
    timezone: Zone


class CalendarDayRow(Row):
    key = ("calendar_code", "day", "opens_at")
    calendar_code: Calendar
    day: Day
    opens_at: Time | None
    closes_at: Time | None
    is_open: Flag
    name_en: str
    name_zh: str


class InterventionRow(Row):
    key = ("intervention_code",)
    intervention_code: Code
    name_en: str
    name_zh: str
    process_code: Process
    kpi_code: Kpi
    segment_code: str
    registered_on: Day
    starts_on: Day
    verify_on: Day
    washout_days: Whole
    min_effect: Number
    status: Literal["planned", "running", "stopped"]
    owner_code: Owner


class DecisionRow(Row):
    key = ("decision_code",)
    decision_code: str
    subject_kind: Literal["finding", "alert", "kpi"]
    subject_id: str
    action: Literal[
        "accept", "decline", "snooze", "acknowledge", "rebase", "close_cycle"
    ]
    decided_on: Day
    until: Day | None
    decider_code: Owner
    reason: str


class DefaultRow(Row):
    key = ("name", "scope_code")
    name: Code
    scope_code: str
    value: str
    type: Literal["integer", "number", "choice", "owner", "words"]
    allowed: Parts | None
    min: Number | None
    max: Number | None
    description_en: str
    description_zh: str


class MessageRow(Row):
    key = ("message_id",)
    message_id: Code
    en: str
    zh: str


class TemplateRow(Row):
    key = ("template_code",)
    template_code: Template
    name_en: str
    name_zh: str
    trigger_code: Code
    anchor: Literal["process", "step", "path"]
    measure: Literal[
        "time_between", "time_in_step", "share", "amount", "count", "snapshot"
    ]
    measure_type: Literal["duration", "rate", "count", "amount", "score"]
    statistic: Literal["mean", "p90"]
    unit: str | None
    scale: Scale | None
    direction: Literal["higher", "lower", "range"]
    kind: Literal["outcome", "behaviour"]
    family: Literal["speed", "quality", "cost", "volume", "satisfaction"]
    assign_by: Literal["completion", "start", "event", "snapshot"]
    window_days: Whole | None
    bound_min: Number | None
    bound_max: Number | None
    counters: Annotated[Parts, Ref("kpi_templates")] | None
    refused_by: Parts | None
    needs: Code | None
    derived_from: Literal["lead", "bad_end"] | None


class ActivityWordRow(Row):
    key = ("hint", "word")
    hint: Literal[
        "assign",
        "request_info",
        "wait_external",
        "follow_up",
        "cancel",
        "bad_outcome",
        "rejected_outcome",
        "trouble",
    ]
    language: Literal["en", "zh"]
    word: str


REGISTERS: Mapping[str, type[Row]] = {
    "processes": ProcessRow,
    "process_steps": StepRow,
    "objectives": ObjectiveRow,
    "kpis": KpiRow,
    "kpi_targets": TargetRow,
    "kpi_counters": CounterRow,
    "kpi_benchmarks": BenchmarkRow,
    "owners": OwnerRow,
    "org_units": OrgUnitRow,
    "calendars": CalendarRow,
    "calendar_days": CalendarDayRow,
    "interventions": InterventionRow,
    "decisions": DecisionRow,
    "defaults": DefaultRow,
    "messages": MessageRow,
    "activity_words": ActivityWordRow,
    "kpi_templates": TemplateRow,
}


@dataclass(frozen=True, order=True)
class RegisterError:
    """One mistake: `str()` is what a person reads."""

    file: str
    line: int
    column: str
    value: str
    message: str

    def __str__(self) -> str:
        cell = f' = "{self.value}"' if self.value else ""
        return f"{self.file} line {self.line} · {self.column}{cell}: {self.message}"


class RegistersRefused(ValueError):
    """Registers that must not be used; `errors` has every mistake at once."""

    def __init__(self, errors: Sequence[RegisterError]) -> None:
        self.errors = tuple(errors)
        count = f"{len(errors)} mistake" + ("s" if len(errors) > 1 else "")
        lines = [f"{count} in the registers; nothing was built.", *map(str, errors)]
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class History:
    """What a published version was judged by: rows of columns to values."""

    decisions: Sequence[Mapping[str, Any]] = ()
    interventions: Sequence[Mapping[str, Any]] = ()


class Registers:
    """All registers of a folder, typed; rows that cannot be read are in `errors`.

    A register that the project does not have is empty, and nothing refers to it.
    """

    def __init__(self, folder: Path, fields: Iterable[str]) -> None:
        self.fields = frozenset(fields)
        self.errors: list[RegisterError] = []
        self._unread: dict[str, set[str]] = defaultdict(set)
        self.rows: dict[str, list[Any]] = {
            name: list(self._read(folder, name, model))
            for name, model in REGISTERS.items()
        }
        self._codes = {
            # A row with a bad cell is there all the same: one message is enough.
            name: {getattr(row, REGISTERS[name].key[0]) for row in rows}
            | self._unread[name]
            for name, rows in self.rows.items()
            if (folder / f"{name}.csv").exists()
        }
        self._codes["export fields"] = set(self.fields)

    def found(self, name: str, row: Row, column: str, message: str) -> None:
        """Note a mistake in a cell."""
        value = getattr(row, column)
        if isinstance(value, list):
            value = "|".join(value)
        shown = "" if value is None else str(value)
        self.errors.append(
            RegisterError(f"seeds/{name}.csv", row.line, column, shown, message)
        )

    def _read(self, folder: Path, name: str, model: type[Row]) -> Iterator[Row]:
        path = folder / f"{name}.csv"
        if not path.exists():
            return
        columns = [column for column in model.model_fields if column != "line"]
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            if set(header) != set(columns) or len(header) != len(columns):
                missing = ", ".join(c for c in columns if c not in header) or "none"
                extra = ", ".join(c for c in header if c not in columns) or "none"
                message = f"columns missing: {missing}; unknown or double: {extra}"
                self.errors.append(
                    RegisterError(f"seeds/{name}.csv", 1, "header", "", message)
                )
                return
            for cells in reader:
                if not cells:
                    continue
                line = reader.line_num
                if len(cells) != len(header):
                    message = (
                        f"{len(cells)} cells, the header has {len(header)}; "
                        "put a text with commas in quotes"
                    )
                    self.errors.append(
                        RegisterError(f"seeds/{name}.csv", line, "row", "", message)
                    )
                    continue
                row = {
                    column: cell.strip() or None
                    for column, cell in zip(header, cells, strict=True)
                }
                try:
                    yield model(line=line, **row)
                except ValidationError as error:
                    self.errors += _cell_errors(name, line, row, error)
                    self._unread[name].add(row[model.key[0]] or "")

    # -------------------------------------------------------------- rules

    def check(self) -> list[RegisterError]:
        """Every mistake in every register, by file and line."""
        for name, model in REGISTERS.items():
            self._check_keys(name, model)
            self._check_references(name, model)
            self._check_secrets(name, model)
        self._check_tree("objectives", "objective_code")
        self._check_tree("org_units", "org_unit_code")
        self._check_levels()
        self._check_steps()
        self._check_kpis()
        self._check_targets()
        self._check_defaults()
        self._check_words()
        return sorted(self.errors)

    def _check_keys(self, name: str, model: type[Row]) -> None:
        """REG-1 and REG-5: one row per key; rows in force do not overlap."""
        groups = defaultdict(list)
        for row in self.rows[name]:
            groups[tuple(getattr(row, column) for column in model.key)].append(row)
        for rows in groups.values():
            for row in rows[1:]:
                message = f"{len(rows)} rows with this key; keep one"
                self.found(name, row, model.key[0], message)
        if not issubclass(model, Dated):
            return
        for row in self.rows[name]:
            if row.valid_to and row.valid_to <= row.valid_from:
                message = f"not after valid_from {row.valid_from}"
                self.found(name, row, "valid_to", message)
        series = defaultdict(list)
        for key, rows in groups.items():
            series[key[:-1]].append(rows[0])
        for rows in series.values():
            rows.sort(key=lambda row: row.valid_from)
            for earlier, later in pairwise(rows):
                if earlier.valid_to is None or earlier.valid_to > later.valid_from:
                    message = (
                        f"overlaps the row from {earlier.valid_from}; "
                        f"set its valid_to to {later.valid_from}"
                    )
                    self.found(name, later, "valid_from", message)

    def _check_references(self, name: str, model: type[Row]) -> None:
        """REG-4: what a cell names exists, and is in force when the row begins."""
        for column, info in model.model_fields.items():
            target = _reference(info.annotation, info.metadata)
            if target is None or target not in self._codes:
                continue
            known = self._codes[target]
            for row in self.rows[name]:
                value = getattr(row, column)
                for part in value if isinstance(value, list) else [value]:
                    if part is None:
                        continue
                    if part not in known:
                        message = f"unknown in {target}{nearest(part, known)}"
                        self.found(name, row, column, message)
                    elif isinstance(row, Dated) and not self._in_force(
                        target, part, row.valid_from
                    ):
                        message = f"not in force on {row.valid_from} in {target}"
                        self.found(name, row, column, message)

    def _in_force(self, register: str, code: str, day: date) -> bool:
        model = REGISTERS.get(register)
        if model is None or not issubclass(model, Dated):
            return True
        return code in self._unread[register] or any(
            row.in_force(day)
            for row in self.rows[register]
            if getattr(row, model.key[0]) == code
        )

    def _check_secrets(self, name: str, model: type[Row]) -> None:
        """REG-9: addresses of people and channels come from the environment."""
        for row in self.rows[name]:
            for column in model.model_fields:
                value = getattr(row, column)
                if column != "url" and isinstance(value, str) and SECRET.search(value):
                    self.found(name, row, column, "channels come from the environment")

    def _check_tree(self, name: str, code: str) -> None:
        """REG-6: no row is above itself."""
        parents = {getattr(row, code): row.parent_code for row in self.rows[name]}
        for row in self.rows[name]:
            path = [getattr(row, code)]
            while (above := parents.get(path[-1])) and above not in path:
                path.append(above)
            if above == path[0]:
                message = f"{' → '.join([*path, above])} is a loop"
                self.found(name, row, "parent_code", message)

    def _check_levels(self) -> None:
        """REG-6: strategy above department above process, no level skipped."""
        above = {"strategy": None, "department": "strategy", "process": "department"}
        levels = {row.objective_code: row.level for row in self.rows["objectives"]}
        for row in self.rows["objectives"]:
            wanted = above[row.level]
            if (row.parent_code is None) != (wanted is None):
                needs = f"needs a parent of level {wanted}" if wanted else "has none"
                self.found("objectives", row, "parent_code", f"a {row.level} {needs}")
            elif wanted and levels.get(row.parent_code, wanted) != wanted:
                message = f"a {row.level} hangs under a {wanted}, not {row.parent_code}"
                self.found("objectives", row, "parent_code", message)
        weights = defaultdict(list)
        for row in self.rows["objectives"]:
            weights[row.parent_code].append(row)
        for parent, rows in weights.items():
            given = [row.weight for row in rows if row.weight is not None]
            if len(given) == len(rows) and sum(given) <= 0:
                message = f"weights under {parent or 'the top'} sum to 0"
                self.found("objectives", rows[0], "weight", message)

    def _check_steps(self) -> None:
        """A process begins and ends, and a KPI measures, at steps of the map."""
        steps = defaultdict(set)
        for row in self.rows["process_steps"]:
            steps[row.process_code].add(row.activity_code)
            if row.nva_reason is not None and row.value != "nva":
                message = "goes only with value nva"
                self.found("process_steps", row, "nva_reason", message)
            if (row.kind == "approval") != (row.approval_level is not None):
                message = "goes with kind approval, and only with it"
                self.found("process_steps", row, "approval_level", message)
        for name in ("processes", "kpis"):
            for row in self.rows[name]:
                for column in (
                    "start_activity_code",
                    "end_activity_code",
                    "from_activity_code",
                    "to_activity_code",
                ):
                    step = getattr(row, column, None)
                    known = steps[row.process_code]
                    if step and row.process_code and step not in known:
                        message = f"no step of {row.process_code}{nearest(step, known)}"
                        self.found(name, row, column, message)

    def _check_kpis(self) -> None:
        """What an active KPI must have, and bounds that leave room."""
        for row in self.rows["kpis"]:
            needed = ("owner_code", "data_owner_code", "objective_code", "decision")
            for column in needed:
                if row.status == "active" and getattr(row, column) is None:
                    message = "an active KPI needs it; fill it, or set status proposed"
                    self.found("kpis", row, column, message)
            if not re.fullmatch(r"\d+\.\d+", row.version):
                self.found("kpis", row, "version", "write major.minor, such as 1.0")
            if not _in_order(row.bound_min, row.bound_max):
                message = f"bound_max must be above bound_min {row.bound_min:g}"
                self.found("kpis", row, "bound_max", message)

    def _check_targets(self) -> None:
        """REG-7: an alarm is beyond its target, floor and stretch on its two sides."""
        kpis = {row.kpi_code: row for row in self.rows["kpis"]}
        for row in self.rows["kpi_targets"]:
            if not _in_order(row.target_min, row.target_max, strict=False):
                message = f"target_min {row.target_min:g} is above it"
                self.found("kpi_targets", row, "target_max", message)
            if not _in_order(row.target_max, row.alarm_max, strict=False):
                message = f"is stricter than target_max {row.target_max:g}"
                self.found("kpi_targets", row, "alarm_max", message)
            if not _in_order(row.alarm_min, row.target_min, strict=False):
                message = f"is stricter than target_min {row.target_min:g}"
                self.found("kpi_targets", row, "alarm_min", message)
            kpi = kpis.get(row.kpi_code)
            if kpi and kpi.direction in {"higher", "lower"}:
                target = row.target_min if kpi.direction == "higher" else row.target_max
                scale = [row.floor, target, row.stretch]
                known = [value for value in scale if value is not None]
                if sorted(known, reverse=kpi.direction == "lower") != known:
                    message = "floor, target and stretch must go from worse to better"
                    self.found("kpi_targets", row, "floor", message)
            if row.change_type != "level" and row.change is None:
                message = f"change_type {row.change_type} needs the change"
                self.found("kpi_targets", row, "change", message)
        for row in self.rows["interventions"]:
            if not row.registered_on <= row.starts_on < row.verify_on:
                message = "registered_on, starts_on, verify_on must follow each other"
                self.found("interventions", row, "starts_on", message)

    def _check_templates(self) -> None:
        """A template has a unit or is a duration; none is its own counter-metric."""
        for row in self.rows["kpi_templates"]:
            if (row.measure_type == "duration") != (row.unit is None):
                message = "only durations have none: theirs follows from their size"
                self.found("kpi_templates", row, "unit", message)
            if (row.unit is None) != (row.scale is None):
                message = "goes with a unit, and only with it"
                self.found("kpi_templates", row, "scale", message)
            if row.template_code in (row.counters or []):
                message = "does not hold itself in check"
                self.found("kpi_templates", row, "counters", message)

    def check_history(self, history: History) -> None:
        """REG-10: what was used stays; `history` has interventions that had started.

        An intervention may be stopped, renamed or handed over; what it is judged by may
        not change.
        """
        judged = DecisionRow.model_fields.keys() - {"line"}
        self._check_used("decisions", history.decisions, judged, "was used")
        judged = InterventionRow.model_fields.keys() - {
            *("line", "name_en", "name_zh", "status", "owner_code")
        }
        self._check_used("interventions", history.interventions, judged, "has started")

    def _check_used(
        self,
        name: str,
        used: Iterable[Mapping[str, Any]],
        judged: Iterable[str],
        how: str,
    ) -> None:
        (key,) = REGISTERS[name].key
        rows = {getattr(row, key): row for row in self.rows[name]}
        for was in used:
            code = was[key]
            row = rows.get(code)
            if row is None and code not in self._unread[name]:
                message = f"{how} and is gone; put its row back"
                file = f"seeds/{name}.csv"
                self.errors.append(RegisterError(file, 1, key, code, message))
            elif row is not None:
                for column in sorted(judged):
                    if getattr(row, column) != was[column]:
                        old = "blank" if was[column] is None else was[column]
                        message = f"{code} {how} with {old}; put it back"
                        self.found(name, row, column, message)

    def _check_words(self) -> None:
        """An English word is found in lower-case text of letters, digits and spaces."""
        for row in self.rows["activity_words"]:
            if row.language == "en" and not re.fullmatch(
                "[a-z0-9]+( [a-z0-9]+)*", row.word
            ):
                message = "write lower case letters, digits and single spaces"
                self.found("activity_words", row, "word", message)

    def _check_defaults(self) -> None:
        """REG-11: a default has the type and range that its row says."""
        base = {r.name: r for r in self.rows["defaults"] if r.scope_code == "all"}
        codes = defaultdict(set, self._codes)
        scopes = {"all"} | codes["processes"] | codes["kpis"]
        for row in self.rows["defaults"]:
            if row.name not in base:
                message = f"no such default{nearest(row.name, base)}"
                self.found("defaults", row, "name", message)
            if row.scope_code not in scopes:
                near = nearest(row.scope_code, scopes)
                message = f"not all, a process or a KPI{near}"
                self.found("defaults", row, "scope_code", message)
            if row.type in {"integer", "number"}:
                try:
                    read = _whole if row.type == "integer" else _number
                    number = read(row.value)
                except ValueError as error:
                    self.found("defaults", row, "value", str(error))
                    continue
                low, high = row.min, row.max
                if not (_in_order(low, number, strict=False)) or not _in_order(
                    number, high, strict=False
                ):
                    message = f"outside {low:g} … {high:g}"
                    self.found("defaults", row, "value", message)
            elif row.type == "choice" and row.value not in (row.allowed or []):
                message = f"not one of {', '.join(row.allowed or [])}"
                self.found("defaults", row, "value", message)
            elif row.type == "owner" and row.value not in codes["owners"]:
                near = nearest(row.value, codes["owners"])
                self.found("defaults", row, "value", f"unknown in owners{near}")


def check_registers(
    folder: Path, fields: Iterable[str], history: History | None = None
) -> Registers:
    """Read and check all registers of `seeds/`.

    `fields` are the `source.export.column` that contracts declare, `history` is what
    the last published version was judged by. Raises RegistersRefused with every
    mistake at once.
    """
    registers = Registers(folder, fields)
    registers.check_history(history or History())
    errors = registers.check()
    if errors:
        raise RegistersRefused(errors)
    return registers


def _in_order(low: float | None, high: float | None, *, strict: bool = True) -> bool:
    if low is None or high is None:
        return True
    return low < high if strict else low <= high


def _reference(annotation: Any, metadata: Sequence[Any]) -> str | None:
    """The register that a field's type names, optional or not."""
    for mark in metadata:
        if isinstance(mark, Ref):
            return mark.register
    for part in get_args(annotation):
        if get_origin(part) is Annotated or get_args(part):
            marks = getattr(part, "__metadata__", ())
            if found := _reference(part, marks):
                return found
    return None


def _cell_errors(
    name: str, line: int, row: Mapping[str, str | None], error: ValidationError
) -> Iterator[RegisterError]:
    seen = set()
    for detail in error.errors():
        column = str(detail["loc"][0])
        if column in seen:
            continue
        seen.add(column)
        value = row.get(column) or ""
        if not value:
            message = "is blank; fill it"
        elif detail["type"] == "literal_error":
            message = f"not one of {detail['ctx']['expected']}".replace("'", "")
        else:
            message = detail["msg"].removeprefix("Value error, ")
        yield RegisterError(f"seeds/{name}.csv", line, column, value, message)
