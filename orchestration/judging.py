"""Judging one batch: a suite and the file's rows become a verdict with its reasons.

Here: reading the batch, and the rules by which great-expectations' results become
PASS, WARN, FAIL or ERROR. Not here: calling great-expectations (`evaluation`), which
batches are judged, and the ledger (`gate`).

What leaves this module holds counts, shares and the suite's own limits, never a
value of a file: messages of exceptions are dropped for that reason, their class stays.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.evaluation import Outcome, evaluate
from orchestration.suites import (
    DELIVERY_COLUMNS,
    Suite,
    SuiteError,
    claimed_columns,
    content_of,
    expectation_type,
    few_of,
    load_suite,
    name_of,
    needed_columns,
    notes_of,
    severity_of,
)

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations import Expectation

# Figures whose test a delivery may rightly lack: the first files have no history,
# shares of a handful of rows are noise.
UNMEASURED = ("previous_rows", "volume_ratio", "period_share", "reject_share")
UNMEASURED += ("weekday_shift",)

# Their observed value is a cell of the file, which is a person's in a hashed column.
VALUE_TYPES = (
    "expect_column_min_to_be_between",
    "expect_column_max_to_be_between",
    "expect_column_median_to_be_between",
    "expect_column_most_common_value_to_be_in_set",
    "expect_column_distinct_values_to_be_in_set",
    "expect_column_distinct_values_to_contain_set",
    "expect_column_distinct_values_to_equal_set",
)

Figures = dict[str, float | None]

_NOT_LIMITS = ("column", "column_A", "column_B", "column_list", "batch_id")


@dataclass(frozen=True)
class Task:
    """One batch to judge; plain values, so that it can go to another process.

    `columns` are the lake columns of the contract; `hashed` those that hold
    pseudonyms, `days` those that hold dates. `delivery` has the figures of
    `DELIVERY_COLUMNS` but for those made from the rows. `period` is the span of the
    file in UTC and `local_period` in local days, with exclusive ends. `unless_suite`
    is the hash of the suite that already held this batch back: under the same suite
    the answer would be the same. `is_working_day` is False on a day off, None
    where the contract names no calendar.
    """

    seq: int
    export_code: str
    lake_path: Path
    lake_sha256: str
    rows: int
    columns: tuple[str, ...]
    hashed: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    allow_empty: bool = False
    is_working_day: bool | None = None
    delivery: Figures = field(default_factory=dict)
    period: tuple[datetime, datetime] | None = None
    local_period: tuple[date, date] | None = None
    unless_suite: str | None = None


@dataclass(frozen=True)
class Judgement:
    """A verdict, its reasons in words, and the results as they are stored."""

    verdict: str
    suite_hash: str = ""
    expected: int = 0
    evaluated: int = 0
    reasons: tuple[str, ...] = ()
    results: dict[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """All reasons in one line; empty for a PASS."""
        return " · ".join(self.reasons)


def error(reason: str, suite_hash: str = "", expected: int = 0) -> Judgement:
    """An ERROR: nothing was judged, and what was not judged is not admitted."""
    return Judgement("ERROR", suite_hash, expected, 0, (reason,), _stored([reason]))


def judge_task(task: Task) -> Judgement | None:
    """Judge one batch; None when its suite is the one that already held it back.

    Never raises: whatever goes wrong is an ERROR verdict.
    """
    suite_hash, expected = "", 0
    try:
        suite = load_suite(task.export_code)
        suite_hash, expected = suite.suite_hash, suite.size
        if suite_hash == task.unless_suite:
            return None
        problem = unsuitable(suite, task)
        if problem:
            return error(problem, suite_hash, expected)
        frame = read_lake(task, suite.columns)
        return judge(suite, frame, task)
    except SuiteError as failure:
        return error(str(failure), suite_hash, expected)
    except LakeError as failure:
        return error(str(failure), suite_hash, expected)
    except Exception as failure:
        reason = f"The suite could not be evaluated: {type(failure).__name__}."
        return error(reason, suite_hash, expected)


def unsuitable(suite: Suite, task: Task) -> str | None:
    """Why a suite does not fit the contract's columns, or None."""
    missing = [name for name in suite.columns if name not in task.columns]
    if missing:
        return (
            f"The suite of {task.export_code} tests {', '.join(missing)}: not in the "
            f"lake, which has {', '.join(task.columns)}. Align the suite with the "
            "source contract (columns with `pii: drop` are never loaded)."
        )
    for expectation in suite.batch:
        touched = set(claimed_columns(expectation)) & set(task.hashed)
        if touched and expectation_type(expectation) in VALUE_TYPES:
            return (
                f"{name_of(expectation)} would report a value of a hashed column; "
                "test its shares or counts instead."
            )
    return None


# The lake file


class LakeError(RuntimeError):
    """The lake file is not the one that the ledger knows."""


def read_lake(task: Task, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of the batch, read from the very file that was hashed.

    Decimals come as floats, dates as midnight, other types as pandas has them.
    Raises LakeError when bytes or rows differ from the ledger.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = task.lake_path.name
    try:
        with task.lake_path.open("rb") as file:
            # One descriptor for both, so that no swap of the file comes in between.
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != task.lake_sha256:
                raise LakeError(
                    f"{name}: bytes changed since they were loaded (sha256 "
                    f"{found[:8]}, ledger {task.lake_sha256[:8]})."
                )
            file.seek(0)
            parquet = pq.ParquetFile(file)
            rows = parquet.metadata.num_rows
            table = parquet.read(columns=list(columns))
    except FileNotFoundError as failure:
        raise LakeError(f"{name}: gone from the lake.") from failure
    except (OSError, pa.ArrowException) as failure:
        kind = type(failure).__name__
        raise LakeError(f"{name}: cannot be read ({kind}).") from failure
    if rows != task.rows:
        raise LakeError(f"{name}: {rows} rows, ledger says {task.rows}.")
    fields = [
        pa.field(f.name, pa.float64()) if pa.types.is_decimal(f.type) else f
        for f in table.schema
    ]
    return table.cast(pa.schema(fields)).to_pandas(date_as_object=False)


def period_share(suite: Suite, frame: pd.DataFrame, task: Task) -> float | None:
    """The share of rows whose `period_column` lies in the file's period, or None."""
    name = suite.period_column
    if name is None or task.period is None or task.local_period is None:
        return None
    import pandas as pd

    times = frame[name].dropna()
    if times.empty:
        return None
    # A lake date is a local day at midnight; a lake time is UTC.
    bounds = task.local_period if name in task.days else task.period
    start, end = (pd.Timestamp(bound).tz_localize(None) for bound in bounds)
    return float(((times >= start) & (times < end)).mean())


def weekday_shift(suite: Suite, frame: pd.DataFrame) -> float | None:
    """The share of rows that fall on other weekdays than usual, or None."""
    if suite.weekdays is None:
        return None
    name, usual = suite.weekdays
    days = frame[name].dropna().dt.day_of_week
    if days.empty:
        return None
    shares = days.value_counts(normalize=True)
    return sum(abs(shares.get(day, 0.0) - usual[day]) for day in range(7)) / 2


# The verdict


def judge(suite: Suite, frame: pd.DataFrame, task: Task) -> Judgement:
    """Judge rows and delivery figures by a suite.

    Raised → ERROR; a failed critical expectation or a vacuous test → FAIL; only
    failed warnings → WARN; else PASS. A critical share that fails by no more rows
    than the expectation's meta calls `few` is a warning. A file without records, where
    the contract allows it, is a PASS on a day off; on a working day its delivery
    figures are judged.
    """
    import pandas as pd

    figures = {name: task.delivery.get(name) for name in DELIVERY_COLUMNS}
    figures["period_share"] = period_share(suite, frame, task)
    figures["weekday_shift"] = weekday_shift(suite, frame)
    is_empty = task.allow_empty and not figures["rows_in"] and frame.empty
    suite_hash = suite.suite_hash
    if is_empty and not task.is_working_day:
        note = "Empty, as the source contract allows."
        results = _stored([], figures, note=note, is_empty_as_allowed=True)
        return Judgement("PASS", suite_hash, 0, 0, (), results)

    vacuous = [] if is_empty else list(_vacuous(suite, frame))
    delivery = pd.DataFrame([figures], columns=list(DELIVERY_COLUMNS), dtype="float64")
    records = []
    for part, expectations, rows in (
        ("batch", suite.batch if len(frame) else [], frame),
        ("delivery", suite.delivery, delivery),
    ):
        for expectation, outcome in evaluate(expectations, rows):
            record = _record(part, expectation, outcome, rows, task.hashed)
            if part == "delivery":
                record["observed"] = figures[claimed_columns(expectation)[0]]
            records.append(record)
    sparse = (*suite.sparse, *UNMEASURED)
    for record in records:
        if is_empty:
            continue
        if record["tested"] == 0 and not set(record["columns"]) & set(sparse):
            vacuous.append(f"{_title(record)} had no row to test.")

    raised = [record for record in records if "error" in record]
    evaluated = len(records) - len(raised)
    if not raised and evaluated != suite.size and len(frame):
        vacuous.append(f"{evaluated} of {suite.size} expectations were evaluated.")
    failed = [r for r in records if not r["success"] and "error" not in r]
    critical = [r for r in failed if r["severity"] == "critical" and not r["is_few"]]
    if raised:
        verdict = "ERROR"
    elif critical or vacuous:
        verdict = "FAIL"
    else:
        verdict = "WARN" if failed else "PASS"
    reasons = (
        *(f"{_title(r)} raised {r['error']}." for r in raised),
        *dict.fromkeys(vacuous),
        *(_in_words(r) for r in critical),
        *(_in_words(r) for r in failed if r not in critical and not _twin(r, critical)),
    )
    results = _stored(reasons, figures, records, rows=len(frame))
    return Judgement(verdict, suite_hash, suite.size, evaluated, reasons, results)


def _twin(record: dict[str, Any], critical: Sequence[dict[str, Any]]) -> bool:
    """Whether a stricter limit of the same rule has already failed."""
    same = ("part", "type", "columns")
    return any(all(record[k] == other[k] for k in same) for other in critical)


def _vacuous(suite: Suite, frame: pd.DataFrame) -> Iterator[str]:
    """Why a success of the suite would say nothing about these rows."""
    if not suite.batch:
        yield "The suite tests nothing about the rows."
    if frame.empty:
        yield "No rows."
        return
    # A column that is only a condition is not tested; a test without rows shows itself.
    for name in suite.tested_columns:
        if name not in suite.sparse and frame[name].isna().all():
            yield f"{name} is tested and has no value in the whole file."


def _record(
    part: str,
    expectation: Expectation,
    outcome: Outcome,
    frame: pd.DataFrame,
    hashed: Sequence[str],
) -> dict[str, Any]:
    """What is stored about one expectation. Counts, shares and limits, no values."""
    content = content_of(expectation)["kwargs"]
    result = outcome.result
    columns = list(claimed_columns(expectation))
    count, missing = result.get("element_count"), result.get("missing_count")
    kind = expectation_type(expectation)
    record: dict[str, Any] = {
        "part": part,
        "type": kind,
        "columns": columns,
        "notes": notes_of(expectation),
        "notes_zh": notes_of(expectation, "zh"),
        "severity": severity_of(expectation),
        "success": outcome.success,
        "observed": _aggregate(kind, columns, result, frame, hashed),
        "allowed": {k: v for k, v in content.items() if k not in _NOT_LIMITS},
        "element_count": count,
        "missing_count": missing,
        "unexpected_count": result.get("unexpected_count"),
        "unexpected_percent": _number(result.get("unexpected_percent")),
        "tested": _tested(expectation, count, missing, frame),
        "is_few": 0 < (result.get("unexpected_count") or 0) <= few_of(expectation),
    }
    if outcome.raised:
        record |= {"error": outcome.raised, "success": False}
    return record


def _tested(
    expectation: Expectation,
    count: int | None,
    missing: int | None,
    frame: pd.DataFrame,
) -> int:
    """How many rows the expectation could say something about."""
    if count is not None:
        return int(count) - int(missing or 0)
    used = [name for name in needed_columns(expectation) if name in frame]
    return int(frame[used].notna().all(axis="columns").sum()) if used else len(frame)


def _aggregate(
    kind: str,
    columns: Sequence[str],
    result: dict[str, Any],
    frame: pd.DataFrame,
    hashed: Sequence[str],
) -> float | str | None:
    """The observed value, if it is a figure about the rows and not one of them."""
    value = result.get("observed_value")
    if kind in VALUE_TYPES:
        types = [frame[name].dtype.kind for name in columns if name in frame]
        if set(columns) & set(hashed) or not set(types) <= set("iufM"):
            return None
        if types == ["M"] and isinstance(value, datetime):
            return value.isoformat()
    return _number(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


# Words


def _stored(
    reasons: Sequence[str],
    figures: Figures | None = None,
    records: Sequence[dict[str, Any]] = (),
    **more: Any,
) -> dict[str, Any]:
    return {
        "reasons": list(reasons),
        "delivery": figures or {},
        "expectations": list(records),
        **more,
    }


def _title(record: dict[str, Any]) -> str:
    kind = record["type"].removeprefix("expect_").replace("_", " ")
    columns = ", ".join(record["columns"])
    return f"{columns}: {kind}" if columns else kind


def _in_words(record: dict[str, Any]) -> str:
    """One failed expectation: what was seen, what is allowed, what it guards."""
    allowed = record["allowed"]
    limits = ", ".join(
        f"{key.removesuffix('_value')} {value:g}"
        for key, value in allowed.items()
        if key in ("min_value", "max_value") and isinstance(value, int | float)
    )
    if record["part"] == "delivery":
        seen = f"{record['observed']:.4g}" if record["observed"] is not None else "-"
        return f"{record['columns'][0]} is {seen} ({limits}): {record['notes']}"
    text = _title(record)
    if record["unexpected_count"] is not None:
        share = record["unexpected_percent"] or 0.0
        most = 100 * (1 - float(allowed.get("mostly", 1) or 0))
        text += (
            f": {record['unexpected_count']} of {record['tested']} ({share:.1f} %), "
            f"at most {most:.3g} %"
        )
    elif record["observed"] is not None:
        text += f": {record['observed']}" + (f" ({limits})" if limits else "")
    return f"{text}. {record['notes']}"
