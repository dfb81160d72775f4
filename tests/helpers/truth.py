"""The demo's truth file and the published marts in one form, to be compared.

A figure is (numerator, denominator, counted, open, undecided, excluded by reason) of a
KPI, period grain, period and segment; figures without any subject are left out.
Periods are computed here from the day, not taken from the marts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

GRAINS = ("month", "week", "quarter", "half_year", "ytd")

Key = tuple[str, str, str, str]  # KPI, grain, period as the truth labels it, segment


@dataclass
class Figure:
    """What is known of one KPI in one period and segment."""

    numerator: int = 0
    denominator: int = 0
    counted: int = 0
    open: int = 0
    undecided: int = 0
    excluded: dict[str, int] = field(default_factory=dict)

    @property
    def subjects(self) -> int:
        in_doubt = self.open + self.undecided
        return self.counted + in_doubt + sum(self.excluded.values())


def read(path: Path) -> dict[str, Any]:
    """A truth file."""
    return json.loads(path.read_text(encoding="utf-8"))


def expected(truth: dict[str, Any], kpis: Collection[str]) -> dict[Key, Figure]:
    """The `observable` part of the truth about these KPIs."""
    found = {}
    for kpi in sorted(set(kpis) & set(truth["kpis"])):
        for grain, periods in truth["kpis"][kpi].items():
            for period, segments in periods.items():
                for segment, cell in segments.items():
                    seen = cell["observable"]
                    figure = Figure(
                        *(seen[n] for n in ("num", "den", "n", "open", "undecided")),
                        dict(sorted(seen["excluded"].items())),
                    )
                    if figure.subjects:
                        found[kpi, grain, period, segment] = figure
    return found


def published(marts: duckdb.DuckDBPyConnection) -> dict[Key, Figure]:
    """The same from `fct_kpi_daily`, added up by segment and over all segments."""
    rows = marts.execute(
        "select kpi_code, measured_on, segment_code, state, exclusion_reason, "
        "numerator, denominator, subject_count from fct_kpi_daily"
    ).fetchall()
    (last,) = marts.execute("select max(measured_on) from fct_kpi_daily").fetchone()
    found: dict[Key, Figure] = defaultdict(Figure)
    for kpi, day, segment, state, reason, numerator, denominator, subjects in rows:
        for grain, period in periods_of(day, last):
            for group in (segment, "all"):
                figure = found[kpi, grain, period, group]
                if state == "excluded":
                    before = figure.excluded.get(reason, 0)
                    figure.excluded[reason] = before + subjects
                else:
                    setattr(figure, state, getattr(figure, state) + subjects)
                if state == "counted":
                    figure.numerator += numerator
                    figure.denominator += denominator
    for figure in found.values():
        figure.excluded = dict(sorted(figure.excluded.items()))
    return dict(found)


def periods_of(day: date, last: date) -> Iterator[tuple[str, str]]:
    """Every period with this day; of years to date those that end up to `last`."""
    quarter, half = (day.month - 1) // 3 + 1, (day.month - 1) // 6 + 1
    yield "month", f"{day:%Y-%m}"
    yield "week", str(day - timedelta(days=day.weekday()))
    yield "quarter", f"{day.year}-Q{quarter}"
    yield "half_year", f"{day.year}-H{half}"
    for month in range(day.month, 13):
        if (day.year, month) <= (last.year, last.month):
            yield "ytd", f"{day.year}-{month:02}"


def values(marts: duckdb.DuckDBPyConnection) -> dict[Key, tuple[int, ...]]:
    """Parts and counts as `fct_kpi_values` publishes them, days left out."""
    rows = marts.execute(
        "select kpi_code, period_grain, period_start, segment_code, "
        "coalesce(numerator, 0), coalesce(denominator, 0), counted_count, open_count, "
        "undecided_count, excluded_count from fct_kpi_values "
        "where period_grain <> 'day' and counted_count + open_count "
        "+ undecided_count + excluded_count > 0"
    ).fetchall()
    return {
        (kpi, grain, dict(periods_of(start, start))[grain], segment): tuple(parts)
        for kpi, grain, start, segment, *parts in rows
    }


def totals(figures: dict[Key, Figure]) -> dict[Key, tuple[int, ...]]:
    """Figures in the form of `values`: exclusions as one number."""
    return {
        key: (
            figure.numerator,
            figure.denominator,
            figure.counted,
            figure.open,
            figure.undecided,
            sum(figure.excluded.values()),
        )
        for key, figure in figures.items()
    }


def differences(
    expected: dict[Key, Any], found: dict[Key, Any]
) -> dict[Key, tuple[Any, Any]]:
    """(expected, found) wherever they are not equal; None where one has nothing."""
    keys = sorted(expected.keys() | found.keys())
    return {
        key: (expected.get(key), found.get(key))
        for key in keys
        if expected.get(key) != found.get(key)
    }


def shown(wrong: dict[Key, tuple[Any, Any]], most: int = 12) -> str:
    """The first differences, for the message of a failed test."""
    lines = [f"{key}: expected {a}, found {b}" for key, (a, b) in wrong.items()]
    return "\n".join([f"{len(wrong)} differences", *lines[:most]])
