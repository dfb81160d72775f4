"""Counting what happened and what could be known, per KPI, period and segment.

A process hands observations to a `Tally`: one entry per subject with its day, parts,
state and reason. This module adds them up and judges the target; it knows no process
and shares nothing with the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pandas as pd

from demo.clock import START, month_index, month_label

COUNTED, OPEN, UNDECIDED, EXCLUDED = range(4)


@dataclass(frozen=True)
class Target:
    """A target in force from a month on: sign is +1 if higher is better."""

    valid_from: str
    sign: int
    value: Fraction


@dataclass(frozen=True)
class Kpi:
    """How the parts of a KPI become a value, over which periods, and its targets."""

    code: str
    scale: Fraction = Fraction(1)
    grain: str = "month"
    targets: tuple[Target, ...] = ()
    alarm: Fraction | None = None


class Tally:
    """Observations of any number of KPIs."""

    def __init__(self, segments: list[str]) -> None:
        self.segments = segments
        self.reasons: list[str] = []
        self.parts: dict[str, list[pd.DataFrame]] = {}

    def add(
        self,
        kpi: str,
        segment: np.ndarray,
        day: np.ndarray,
        numerator: np.ndarray,
        denominator: np.ndarray,
        state: np.ndarray,
        reason: np.ndarray | None = None,
    ) -> None:
        """Add subjects of a KPI; `reason` is a position in `self.reasons`."""
        counted = state == COUNTED
        frame = pd.DataFrame(
            {
                "segment": segment,
                "day": day,
                "num": np.where(counted, numerator, 0),
                "den": np.where(counted, denominator, 0),
                "state": state,
                "reason": -1 if reason is None else reason,
            }
        )
        self.parts.setdefault(kpi, []).append(frame)

    def reason(self, code: str) -> int:
        """The position of a reason."""
        if code not in self.reasons:
            self.reasons.append(code)
        return self.reasons.index(code)

    def grouped(self, kpi: str, grain: str) -> pd.DataFrame:
        """Sums by period label, segment, state and reason."""
        frame = pd.concat(self.parts[kpi], ignore_index=True)
        frame["reason"] = np.where(frame["state"] == EXCLUDED, frame["reason"], -1)
        frame["period"] = period_keys(frame["day"].to_numpy(), grain)
        keys = ["period", "segment", "state", "reason"]
        sums = frame.groupby(keys, sort=True).agg(
            num=("num", "sum"), den=("den", "sum"), n=("num", "size")
        )
        return sums.reset_index()


def period_keys(day: np.ndarray, grain: str) -> np.ndarray:
    """Sortable period numbers of days; `period_label` names them."""
    if grain == "week":
        return (day + 3) // 7
    month = month_index(day)
    return month // {"month": 1, "quarter": 3, "half_year": 6, "year": 12}[grain]


def period_label(key: int, grain: str) -> str:
    """`2025-01`, `2025-Q1`, `2025-H1`, `2025`, or the Monday of a week."""
    if grain == "week":
        return str(np.datetime64(int(key) * 7 - 3, "D"))
    if grain == "month":
        return month_label(int(key))
    if grain == "year":
        return str(1970 + int(key))
    size, letter = {"quarter": (4, "Q"), "half_year": (2, "H")}[grain]
    return f"{1970 + int(key) // size}-{letter}{int(key) % size + 1}"


@dataclass
class Cell:
    """One KPI, period and segment."""

    true: dict[str, int] = field(default_factory=lambda: {"num": 0, "den": 0})
    observable: dict = field(
        default_factory=lambda: {
            "num": 0,
            "den": 0,
            "n": 0,
            "open": 0,
            "undecided": 0,
            "excluded": {},
        }
    )


def periods(
    kpi: Kpi, actual: Tally, seen: Tally, until: int, grain: str | None = None
) -> dict:
    """Period → segment → true and observable parts, target and whether it is met.

    `until` is the last day number that may have happened.
    """
    grain = grain or kpi.grain
    cells: dict[tuple[int, str], Cell] = {}

    def each(tally: Tally):
        if kpi.code not in tally.parts:
            return
        for row in tally.grouped(kpi.code, grain).itertuples(index=False):
            for segment in ("all", tally.segments[row.segment]):
                yield row, cells.setdefault((row.period, segment), Cell())

    last = period_keys(np.array([until]), grain)[0]
    for row, cell in each(actual):
        if row.state == COUNTED:
            cell.true["num"] += int(row.num)
            cell.true["den"] += int(row.den)
    for row, cell in each(seen):
        part = cell.observable
        if row.state == COUNTED:
            part["num"] += int(row.num)
            part["den"] += int(row.den)
            part["n"] += int(row.n)
        elif row.state == OPEN:
            part["open"] += int(row.n)
        elif row.state == UNDECIDED:
            part["undecided"] += int(row.n)
        else:
            code = seen.reasons[row.reason]
            part["excluded"][code] = part["excluded"].get(code, 0) + int(row.n)
    # What ended before the exports begin leaves no trace in them.
    traced = {row.period for row, _ in each(seen)}
    first = period_keys(np.array([START]), grain)[0]
    found: dict[str, dict] = {}
    for (key, segment), cell in sorted(cells.items()):
        if key > last or (key < first and key not in traced):
            continue
        label = period_label(key, grain)
        target = target_of(kpi, label)
        found.setdefault(label, {})[segment] = {
            "true": cell.true,
            "observable": cell.observable,
            "target": None if target is None else float(target.value),
            "met": met(kpi, target, cell.observable),
        }
    return found


def target_of(kpi: Kpi, label: str) -> Target | None:
    """The target in force when a period begins."""
    # 2025-Q1 and 2025-H1 must sort as the months they begin with.
    begins = label
    if "Q" in label or "H" in label:
        year, part = label.split("-")
        first = (int(part[1]) - 1) * (3 if "Q" in label else 6) + 1
        begins = f"{year}-{first:02d}"
    in_force = [t for t in kpi.targets if t.valid_from <= begins]
    return in_force[-1] if in_force else None


def met(kpi: Kpi, target: Target | None, parts: dict) -> bool | None:
    """Whether the value reaches the target, which is inclusive; None without either."""
    if target is None or not parts["den"]:
        return None
    value = kpi.scale * Fraction(parts["num"], parts["den"])
    return target.sign * value >= target.sign * target.value


def value(kpi: Kpi, parts: dict) -> float | None:
    """The value in the unit of the KPI."""
    if not parts["den"]:
        return None
    return float(kpi.scale * Fraction(parts["num"], parts["den"]))


def evidence_count(n: int, share: float, z: float = 1.6448536269514722) -> int:
    """The smallest count of n whose one-sided 95 % Wilson bound is beyond a share."""
    counts = np.arange(n + 1)
    rate = counts / n
    centre = rate + z * z / (2 * n)
    spread = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    lower = (centre - spread) / (1 + z * z / n)
    return int(np.argmax(lower > share))
