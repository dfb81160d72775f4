"""Simulated processes of the demo company and their counts, for tests."""

from __future__ import annotations

from fractions import Fraction

from demo.clock import DAY, load_calendars, moment
from demo.delivery import Feed
from demo.truth import Kpi, Tally, periods
from demo.world import Process, World

CALENDARS = load_calendars()
END = moment(2026, 7, 1, 2)
"""The night on which everything has been delivered."""


def world(scale: float = 1, without: str | None = None) -> World:
    """The company at a scale, without one planted effect."""
    plants = frozenset() if without is None else frozenset({without})
    return World(CALENDARS, seed=7, scale=scale, without=plants)


def months(tally: Tally, code: str, as_of: int = END, segment: str = "all") -> dict:
    """Month → parts and states of a KPI as counted in a tally."""
    last = min((as_of - 1) // DAY, END // DAY - 1)
    found = periods(Kpi(code), tally, tally, last, "month")
    return {
        label: cells[segment]["observable"]
        for label, cells in found.items()
        if segment in cells
    }


def actual(process: Process, kpi: Kpi) -> dict[str, float]:
    """Month → value as it happened, from January 2025."""
    return {
        label: float(kpi.scale * Fraction(parts["num"], parts["den"]))
        for label, parts in months(process.actual(), kpi.code).items()
        if label >= "2025" and parts["den"]
    }


def parts(num: int, den: int, n: int, open: int = 0, undecided: int = 0, **excluded):
    """The parts and states of one cell."""
    states = {"open": open, "undecided": undecided, "excluded": excluded}
    return {"num": num, "den": den, "n": n, **states}


def delivered(feed: Feed, as_of: int = END) -> dict[str, bytes]:
    """Path → bytes of the files of an export, in order of delivery."""
    return {
        feed.files[number].path: feed.render(feed.rows_of(number), feed.files[number])
        for number in feed.written(as_of)
    }


def plants_found(process: Process, kpis: dict) -> set[str]:
    """The planted effects that a process reports as findings or absences."""
    return {one["plant"] for one in [*process.findings(kpis), *process.absent(kpis)]}


def dirt(process: Process) -> dict[tuple[str, str], int]:
    """Rows by kind of dirt and export."""
    return {(one["id"], one["export"]): one["rows"] for one in process.dirt}
