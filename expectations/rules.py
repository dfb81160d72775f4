"""Expectations that most suites need, each as the business would say it.

Here: short functions that return great-expectations objects with notes and severity.
Every rule that comes in two strengths says so: a few bad rows are ordinary and only
warned of, many make the file untrustworthy and hold it back. All `notes` are written
as `English | 中文`. Not here: thresholds of one export, which belong to its suite.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

# A daily file has few rows. In a handful, one bad row is a large share: up to FEW_BAD
# rows never hold a file. Ratios to fewer rows than these are noise.
FEW_BAD = 2
WORTH_A_WARNING = 30
WORTH_HOLDING = 100
FEW = {"few": FEW_BAD}


def required(
    column: str,
    notes: str,
    *,
    most_missing: float = 0.02,
    usually_missing: float | None = None,
    where: Any = None,
) -> list[gxe.Expectation]:
    """Hold the file above `most_missing`; warn above `usually_missing` (shares)."""
    return [
        gxe.ExpectColumnValuesToNotBeNull(
            column=column,
            mostly=round(1 - share, 6),
            row_condition=where,
            severity=severity,
            notes=notes,
            meta=FEW,
        )
        for severity, share in _strengths(most_missing, usually_missing)
    ]


def codes(
    column: str,
    values: Iterable[str],
    notes: str,
    *,
    most_unknown: float | None = None,
) -> list[gxe.Expectation]:
    """Warn of any code not listed; hold the file above `most_unknown` (share)."""
    value_set = sorted(values)
    return [
        gxe.ExpectColumnValuesToBeInSet(
            column=column,
            value_set=value_set,
            mostly=round(1 - share, 6),
            severity=severity,
            notes=notes,
            meta=FEW,
        )
        for severity, share in _strengths(most_unknown, 0.0)
    ]


def unique(columns: Sequence[str], notes: str) -> list[gxe.Expectation]:
    """Hold the file when a key comes twice; rows without a full key are left out."""
    if len(columns) == 1:
        return [
            gxe.ExpectColumnValuesToBeUnique(
                column=columns[0], severity="critical", notes=notes
            )
        ]
    return [
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=list(columns),
            ignore_row_if="any_value_is_missing",
            severity="critical",
            notes=notes,
        )
    ]


def between(
    column: str,
    least: float,
    most: float,
    notes: str,
    *,
    most_outside: float | None = 0.02,
    usually_outside: float | None = None,
) -> list[gxe.Expectation]:
    """Hold the file when more than a share lies outside; warn above the usual one."""
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column=column,
            min_value=least,
            max_value=most,
            mostly=round(1 - share, 6),
            severity=severity,
            notes=notes,
            meta=FEW,
        )
        for severity, share in _strengths(most_outside, usually_outside)
    ]


def in_order(
    earlier: str,
    later: str,
    notes: str,
    *,
    most_reversed: float = 0.2,
    usually_reversed: float | None = None,
) -> list[gxe.Expectation]:
    """Two times of a row: hold the file above a share reversed, warn above another."""
    return [
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=later,
            column_B=earlier,
            or_equal=True,
            ignore_row_if="either_value_is_missing",
            mostly=round(1 - share, 6),
            severity=severity,
            notes=notes,
            meta=FEW,
        )
        for severity, share in _strengths(most_reversed, usually_reversed)
    ]


def volume(
    notes: str,
    *,
    held: tuple[float, float] = (0.45, 3.0),
    usual: tuple[float, float] = (0.6, 1.8),
) -> list[gxe.Expectation]:
    """Rows against the median of earlier files of equally long periods.

    On days off, which the contract's calendar tells, only too many rows are bad.
    """
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="volume_ratio",
            min_value=least,
            max_value=most,
            row_condition=Column("previous_rows") >= enough,
            severity=severity,
            notes=notes,
        )
        for severity, (least, most), enough in (
            ("critical", held, WORTH_HOLDING),
            ("warning", usual, WORTH_A_WARNING),
        )
    ]


def rejects(
    notes: str, *, held: float = 0.05, usual: float = 0.01
) -> list[gxe.Expectation]:
    """Share of records that ingest could not read as declared."""
    many = Column("rejected") > FEW_BAD
    return [
        _figure("reject_share", "critical", 0, held, notes, where=many),
        _figure("reject_share", "warning", 0, usual, notes),
    ]


def duplicates(notes: str, *, usual: float = 0.03) -> list[gxe.Expectation]:
    """Share of exact repetitions; they are dropped and counted, hence only warned."""
    return [_figure("duplicate_share", "warning", 0, usual, notes)]


def in_period(notes: str, *, least: float = 0.8) -> list[gxe.Expectation]:
    """Share of rows whose time lies in the period that the file's name states."""
    enough = Column("loaded") >= WORTH_A_WARNING
    return [_figure("period_share", "critical", least, 1, notes, where=enough)]


def weekdays(notes: str, *, usual: float) -> list[gxe.Expectation]:
    """Warn when more than a share of rows falls on other weekdays than usual."""
    enough = Column("loaded") >= WORTH_A_WARNING
    return [_figure("weekday_shift", "warning", 0, usual, notes, where=enough)]


def _figure(
    column: str,
    severity: str,
    least: float,
    most: float,
    notes: str,
    *,
    where: Any = None,
) -> gxe.Expectation:
    return gxe.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=least,
        max_value=most,
        row_condition=where,
        severity=severity,
        notes=notes,
    )


def _strengths(held: float | None, usual: float | None) -> Iterator[tuple[str, float]]:
    """(severity, share) of each strength that is wanted."""
    if held is not None:
        yield "critical", held
    if usual is not None:
        yield "warning", usual
