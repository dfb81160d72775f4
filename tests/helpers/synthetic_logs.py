"""Event logs with planted facts, and what is true of them by construction.

A log is drawn from a seed and counts itself while it is drawn: the oracle shares no
code with the models. Here: the drawing, the counting, the loading. No expectation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy
import pyarrow

from tests.helpers.warehouse import Warehouse

# A Monday; the models call this moment the end of their data.
BEGIN = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
WEEK = 7 * 24 * 3600
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)

# Core models between events and discovery, in the order in which dbt builds them.
CORE = (
    "fct_events",
    "int_process_steps",
    "int_process_steps_sequenced",
    "fct_process_steps",
    "fct_process_paths",
    "int_process_instance_clocks",
    "int_process_instance_counts",
    "int_process_instance_variants",
    "fct_process_instances",
)
EVENT_COLUMNS = {
    "process_code": pyarrow.string(),
    "process_instance_id": pyarrow.string(),
    "event_id": pyarrow.string(),
    "activity_code": pyarrow.string(),
    "started_at": pyarrow.timestamp("s"),
    "occurred_at": pyarrow.timestamp("s"),
    "resource_id": pyarrow.string(),
    "org_unit_code": pyarrow.string(),
}


@dataclass(frozen=True)
class Event:
    """A step that is done, in whole seconds since 1970."""

    activity: str
    start: int
    end: int
    unit: str
    resource: str


@dataclass
class Log:
    """Instances of one process and the counts of what was drawn."""

    process: str
    has_starts: bool = True
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    instances: list[dict[str, Any]] = field(default_factory=list)
    map: list[dict[str, Any]] = field(default_factory=list)
    # Activity or (from, to) to a number; START, END and OPEN are ends of paths.
    visits: Counter[str] = field(default_factory=Counter)
    visited: Counter[str] = field(default_factory=Counter)
    self_loops: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)
    redos: Counter[str] = field(default_factory=Counter)
    reworked: Counter[str] = field(default_factory=Counter)
    returned: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: Counter[tuple[str, str]] = field(default_factory=Counter)
    handovers: Counter[tuple[str, str]] = field(default_factory=Counter)

    def step(self, activity: str, **values: Any) -> None:
        """Put an activity on the process map."""
        row = {"kind": "work", "is_terminal": False, "is_after_end": False}
        place = {"process_code": self.process, "step_no": len(self.map) + 1}
        self.map.append({"activity_code": activity, **place, **row, **values})

    def add(self, events: list[Event], *, is_open: bool = False, **values: Any) -> None:
        """One instance, its events in the order of their ends."""
        events = sorted(events, key=lambda one: one.end)
        name = f"{len(self.instances):06}"
        self.instances.append(
            {
                "process_code": self.process,
                "process_instance_id": name,
                "segment_code": "all",
                "started_at": moment(events[0].start),
                "ended_at": None if is_open else moment(events[-1].end),
                "started_on": moment(events[0].start).date(),
                "ended_on": None if is_open else moment(events[-1].end).date(),
                "is_cancelled": False,
                "outcome_code": None,
                "exclusion_reason": None,
                "due_at": None,
                "data_as_of": AS_OF.replace(tzinfo=None),
                **values,
            }
        )
        for number, one in enumerate(events):
            self.rows.append(
                (
                    self.process,
                    name,
                    f"{name}-{number:04}",
                    one.activity,
                    one.start if self.has_starts else None,
                    one.end,
                    one.resource,
                    one.unit,
                )
            )
        if not values.get("exclusion_reason"):
            self._count(events, "OPEN" if is_open else "END")

    def _count(self, events: list[Event], last: str) -> None:
        paths = [("START", events[0].activity), (events[-1].activity, last)]
        again, back = set(), set()
        before: dict[str, Event] = {}
        for number, one in enumerate(events):
            self.visits[one.activity] += 1
            earlier, previous = before.get(one.activity), events[number - 1]
            before[one.activity] = one
            if earlier is None or (self.has_starts and one.start < earlier.end):
                continue
            again.add(one.activity)
            known = self.repeats if earlier.resource == one.resource else self.redos
            known[one.activity] += 1
            if earlier is previous:
                self.self_loops[one.activity] += 1
            elif previous.unit != one.unit:
                back.add(one.activity)
        for one, following in pairwise(events):
            path = (one.activity, following.activity)
            paths.append(path)
            begun = following.start if self.has_starts else following.end
            self.seconds[path] += max(begun - one.end, 0)
            self.handovers[path] += one.unit != following.unit
        self.visited.update({one.activity for one in events})
        self.reworked.update(again)
        self.returned.update(back)
        self.moves.update(paths)
        self.moved.update(set(paths))


def moment(second: int) -> datetime:
    """A second since 1970 as a UTC timestamp without a zone."""
    return datetime(1970, 1, 1) + timedelta(seconds=second)


class Drawing:
    """One instance while it is drawn: a clock that steps move on."""

    def __init__(self, stream: numpy.random.Generator, second: int) -> None:
        self.stream = stream
        self.second = second
        self.events: list[Event] = []

    def do(self, activity: str, wait: float, work: float, unit: str = "A") -> None:
        """Wait, then work: at least a second each, so that no two times are equal."""
        start = self.second + 1 + round(wait)
        self.second = start + 1 + round(work)
        self._done(activity, start, self.second, unit)

    def beside(self, wait: float, works: dict[str, float], unit: str = "A") -> None:
        """Start several activities at once; go on when the last is done."""
        start = self.second + 1 + round(wait)
        ends: set[int] = set()
        for activity, work in works.items():
            end = start + 2 + round(work)
            while end in ends:
                end += 1
            ends.add(end)
            self._done(activity, start, end, unit)
        self.second = max(ends)

    def _done(self, activity: str, start: int, end: int, unit: str) -> None:
        resource = f"{unit}{self.stream.integers(4)}"
        self.events.append(Event(activity, start, end, unit, resource))


def waiting_log(
    process: str,
    seed: int,
    instances: int,
    *,
    slower: float = 2.5,
    bad: tuple[float, float] = (0.1, 0.4),
) -> Log:
    """A chain of 4 to 8 paths of equal waits, but for one that is `slower`.

    Two instances in five do `extra`, one step more; ends are late with the chance
    `bad[0]` without it and `bad[1]` with it. Weeks differ for all paths alike. One
    instance in thirty is still open, one in fifty is a test. The slower path is always
    step1 to step2. Every other log has no starts.
    """
    stream = numpy.random.default_rng([seed, instances])
    log = Log(process, has_starts=seed % 2 == 0)
    length = int(stream.integers(4, 9))
    sigma = stream.uniform(0.5, 1.5)
    weeks = max(instances // 15, 8)
    wobble = stream.lognormal(0, 0.2, weeks)
    for number in range(length + 1):
        log.step(f"step{number}", is_terminal=number == length)
    log.step("extra")
    for _ in range(instances):
        week = int(stream.integers(weeks))
        second = BEGIN + week * WEEK + int(stream.integers(WEEK))
        drawing = Drawing(stream, second)
        has_extra = bool(stream.random() < 0.4)
        for number in range(length + 1):
            wait = 36_000 * wobble[week] * stream.lognormal(-sigma * sigma / 2, sigma)
            factor = slower if number == 2 else 1.0
            drawing.do(f"step{number}", wait * factor, 60 * stream.lognormal())
            if number == 3 and has_extra:
                wait = 36_000 * wobble[week] * stream.lognormal(-(sigma**2) / 2, sigma)
                drawing.do("extra", wait, 60 * stream.lognormal())
        fate = stream.random()
        if fate < 1 / 30:
            log.add(drawing.events[: int(stream.integers(1, length))], is_open=True)
            continue
        is_late = stream.random() < bad[has_extra]
        due_at = moment(drawing.second + (-3600 if is_late else 3600))
        reason = "test_record" if fate > 0.98 else None
        log.add(drawing.events, due_at=due_at, exclusion_reason=reason)
    return log


def shaped_log(process: str, seed: int, instances: int) -> Log:
    """Every shape at once.

    receive → triage → fast .7 or deep .3 → a loop of draft and review, left with
    chance .7 each time → handle, in .10 handed to consult of another unit and back →
    check, in .15 done again after a fix → approve_1, which cancels .10 → approve_2,
    which never does → ready → pay beside pack → ship.
    """
    stream = numpy.random.default_rng([seed, instances])
    log = Log(process, has_starts=seed % 2 == 0)
    for activity in (
        *("receive", "triage", "fast", "deep", "draft", "review", "handle"),
        *("consult", "check", "fix", "ready", "pay", "pack"),
    ):
        log.step(activity)
    log.step("approve_1", kind="approval", approval_level=1)
    log.step("approve_2", kind="approval", approval_level=2)
    log.step("ship", is_terminal=True)
    log.step("cancel", is_terminal=True)

    def seconds(mean: float) -> float:
        return mean * stream.lognormal(-0.18, 0.6)

    for number in range(instances):
        drawing = Drawing(stream, BEGIN + number * 40 * WEEK // instances)

        def do(activity: str, unit: str = "A", drawing: Drawing = drawing) -> None:
            drawing.do(activity, seconds(7200), seconds(600), unit)

        do("receive")
        do("triage")
        do("fast" if stream.random() < 0.7 else "deep")
        do("draft")
        do("review")
        while stream.random() < 0.3:
            do("draft")
            do("review")
        do("handle")
        if stream.random() < 0.10:
            do("consult", "B")
            do("handle")
        do("check")
        if stream.random() < 0.15:
            do("fix")
            do("check")
        do("approve_1")
        if stream.random() < 0.10:
            do("cancel")
        else:
            do("approve_2")
            do("ready")
            works = {"pay": seconds(3600), "pack": seconds(3600)}
            drawing.beside(seconds(7200), works)
            do("ship", "C")
        log.add(drawing.events)
    return log


def mine(
    warehouse: Warehouse,
    logs: Iterable[Log],
    shuffled: Callable[[list[Any]], None] | None = None,
) -> None:
    """Put the logs into a warehouse as processes and build core and discovery."""
    logs = list(logs)
    events = [row for log in logs for row in log.rows]
    tables = {
        "int_process_instances": [row for log in logs for row in log.instances],
        "dim_process_steps": [row for log in logs for row in log.map],
    }
    if shuffled:
        for rows in (events, *tables.values()):
            shuffled(rows)
    columns = dict(zip(EVENT_COLUMNS, zip(*events, strict=True), strict=True))
    typed = {
        name: pyarrow.array(cells).cast(EVENT_COLUMNS[name])
        for name, cells in columns.items()
    }
    warehouse.load_arrow("int_process_events", pyarrow.table(typed))
    for name, rows in tables.items():
        widest = dict.fromkeys(key for row in rows for key in row)
        cells = {key: [row.get(key) for row in rows] for key in widest}
        warehouse.load_arrow(name, pyarrow.table(cells))
    warehouse.run(*CORE, "path:models/discovery")
