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

from demo.clock import DAY, START, month_index, month_label

COUNTED, OPEN, UNDECIDED, EXCLUDED = range(4)


@dataclass(frozen=True)
class Target:
    """A target in force from a month on: sign is +1 if higher is better."""

    valid_from: str
    sign: int
    value: Fraction


def targets(sign: int, *steps: tuple[str, object]) -> tuple[Target, ...]:
    """Targets by the month from which each is in force."""
    return tuple(Target(since, sign, Fraction(str(at))) for since, at in steps)


PERCENT = Fraction(100)
MINUTES = Fraction(1, 60)
HOURS = Fraction(1, 3600)
ALWAYS = "2024-01"


@dataclass(frozen=True)
class Kpi:
    """How the parts of a KPI become a value, over which periods, and its targets."""

    code: str
    scale: Fraction = Fraction(1)
    targets: tuple[Target, ...] = ()
    alarm: float | None = None
    relative: tuple[str, str, Fraction] | None = None
    """First month in force, year of the base, factor: target = factor × base."""


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
        """Add subjects of a KPI; `reason` is a position in `self.reasons`.

        Kept are sums by segment, day, state and reason: subjects would not fit.
        """
        counted = state == COUNTED
        reason = -1 if reason is None else np.where(state == EXCLUDED, reason, -1)
        frame = pd.DataFrame(
            {
                "segment": segment,
                "day": day,
                "num": np.where(counted, numerator, 0),
                "den": np.where(counted, denominator, 0),
                "state": state,
                "reason": reason,
                "n": 1,
            }
        )
        keys = ["segment", "day", "state", "reason"]
        self.parts.setdefault(kpi, []).append(frame.groupby(keys).sum().reset_index())

    def reason(self, code: str) -> int:
        """The position of a reason."""
        if code not in self.reasons:
            self.reasons.append(code)
        return self.reasons.index(code)

    def grouped(self, kpi: str, grain: str) -> pd.DataFrame:
        """Sums by period label, segment, state and reason."""
        frame = pd.concat(self.parts[kpi], ignore_index=True)
        frame["period"] = period_keys(frame["day"].to_numpy(), grain)
        keys = ["period", "segment", "state", "reason"]
        return frame.groupby(keys)[["num", "den", "n"]].sum().reset_index()


class Judge:
    """The states of one KPI's subjects; the first reason that holds stays."""

    def __init__(self, tally: Tally, size: int, now: int) -> None:
        self.tally, self.now = tally, now
        self.state = np.full(size, COUNTED)
        self.reason = np.full(size, -1)

    def exclude(self, code: str, where: np.ndarray) -> None:
        """Exclude what is not yet decided otherwise."""
        where = where & (self.state == COUNTED)
        self.state[where] = EXCLUDED
        self.reason[where] = self.tally.reason(code)

    def set(self, state: int, where: np.ndarray) -> None:
        """Open or undecided, unless it is decided otherwise."""
        self.state[where & (self.state == COUNTED)] = state

    def add(
        self,
        kpi: str,
        segment: np.ndarray,
        at: np.ndarray,
        instead: np.ndarray,
        num: np.ndarray,
        den: np.ndarray | int = 1,
        scope: np.ndarray | None = None,
    ) -> None:
        """Hand over the subjects in scope.

        `at` is the assignment milestone, `instead` the moment where that is unknown;
        open subjects are dated on the last covered day.
        """
        day = np.where(at >= 0, at, instead) // DAY
        day = np.where(self.state == OPEN, (self.now - 1) // DAY, day)
        keep = np.ones(len(day), dtype=bool) if scope is None else scope
        self.tally.add(
            kpi,
            np.broadcast_to(segment, day.shape)[keep],
            day[keep],
            np.broadcast_to(num, day.shape)[keep],
            np.broadcast_to(den, day.shape)[keep],
            self.state[keep],
            self.reason[keep],
        )


def period_keys(day: np.ndarray, grain: str) -> np.ndarray:
    """Sortable period numbers of days; `period_label` names them."""
    if grain == "week":
        return (day + 3) // 7
    month = month_index(day)
    if grain == "ytd":
        return month
    return month // {"month": 1, "quarter": 3, "half_year": 6, "year": 12}[grain]


def period_label(key: int, grain: str) -> str:
    """`2025-01` (also for the year to it), `2025-Q1`, `2025-H1`, `2025`, a Monday."""
    if grain == "week":
        return str(np.datetime64(int(key) * 7 - 3, "D"))
    if grain in ("month", "ytd"):
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

    def put(self, part: str, row, reasons: list[str]) -> None:
        """Add one group of subjects."""
        if part == "true":
            if row.state == COUNTED:
                self.true["num"] += int(row.num)
                self.true["den"] += int(row.den)
            return
        seen = self.observable
        if row.state == COUNTED:
            seen["num"] += int(row.num)
            seen["den"] += int(row.den)
            seen["n"] += int(row.n)
        elif row.state == EXCLUDED:
            code = reasons[row.reason]
            seen["excluded"][code] = seen["excluded"].get(code, 0) + int(row.n)
        else:
            seen["open" if row.state == OPEN else "undecided"] += int(row.n)


def periods(kpi: Kpi, actual: Tally, seen: Tally, until: int, grain: str) -> dict:
    """Period → segment → true and observable parts, target and whether it is met.

    `until` is the last day number that may have happened.
    """
    cells: dict[tuple[int, str], Cell] = {}
    traced = set()
    last = int(period_keys(np.array([until]), grain)[0])
    first = int(period_keys(np.array([START]), grain)[0])
    for part, tally in (("true", actual), ("observable", seen)):
        if kpi.code not in tally.parts:
            continue
        for row in tally.grouped(kpi.code, grain).itertuples(index=False):
            keys = [row.period]
            if grain == "ytd":
                keys = [*range(row.period, min(row.period // 12 * 12 + 11, last) + 1)]
            if part == "observable":
                traced.update(keys)
            for key in keys:
                for segment in ("all", tally.segments[row.segment]):
                    cell = cells.setdefault((key, segment), Cell())
                    cell.put(part, row, tally.reasons)
    base = None if kpi.relative is None else yearly(kpi, seen, kpi.relative[1])
    found: dict[str, dict] = {}
    for (key, segment), cell in sorted(cells.items()):
        # What ended before the exports begin leaves no trace in them.
        if key > last or (key < first and key not in traced):
            continue
        label = period_label(key, grain)
        target = target_of(kpi, label, base)
        found.setdefault(label, {})[segment] = {
            "true": cell.true,
            "observable": cell.observable,
            "target": None if target is None else float(target.value),
            "met": met(kpi, target, cell.observable),
        }
    return found


def yearly(kpi: Kpi, tally: Tally, year: str) -> Fraction | None:
    """The value of a whole year, over all segments."""
    frame = tally.grouped(kpi.code, "year")
    inside = frame[frame["period"] == int(year) - 1970]
    if not (den := int(inside["den"].sum())):
        return None
    return kpi.scale * Fraction(int(inside["num"].sum()), den)


def target_of(kpi: Kpi, label: str, base: Fraction | None = None) -> Target | None:
    """The target in force when a period begins; `base` is what it is relative to."""
    # 2025-Q1 and 2025-H1 must sort as the months they begin with.
    begins = label
    if "Q" in label or "H" in label:
        year, part = label.split("-")
        first = (int(part[1]) - 1) * (3 if "Q" in label else 6) + 1
        begins = f"{year}-{first:02d}"
    if kpi.relative is not None:
        since, _, factor = kpi.relative
        if base is None or begins < since:
            return None
        return Target(since, 1, factor * base)
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


def values(
    kpis: dict, known: list[Kpi], code: str, grain: str = "month", part: str = "true"
) -> dict[str, float]:
    """Values of a KPI by period since January 2025, from the truth of all KPIs."""
    kpi = next(one for one in known if one.code == code)
    return {
        label: value(kpi, cells["all"][part])
        for label, cells in kpis.get(code, {}).get(grain, {}).items()
        if label >= "2025" and cells["all"][part]["den"]
    }


def finding(plant: str, rule: str, kpi: str, **rest: object) -> dict:
    """A finding that the review must come to."""
    blank = dict.fromkeys(("counter", "window", "verdict", "range"))
    return {"plant": plant, "rule": rule, "kpi": kpi, **blank, **rest}


def alerts(plant: str, kpi: str, first: str, last: str) -> dict:
    """Alerts that an effect may give rise to: those of a KPI that begin in a window.

    Some begin before the effect: natural limits are learnt from a whole year.
    """
    return finding(plant, "alerts", kpi, window=[first, last], verdict="expected")
