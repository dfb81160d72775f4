"""What the adopted logs say of cases and paths, read from the raw files.

Only the parts that were named when a log was adopted count: case, activity, times, end.
Names of activities are the log's own. Times are UTC without a zone.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from tests.real.oracles import olist_sample, scms_procurement
from tests.real.oracles.measured import utc
from tests.real.oracles.xes import traces


@dataclass(frozen=True)
class Step:
    """One completed step; `start` is None where the log knows no start."""

    case: str
    name: str
    at: datetime
    start: datetime | None = None


@dataclass
class Read:
    """The steps of a log, starts that nothing completed, and the ends of its cases."""

    steps: list[Step]
    ends: dict[str, datetime | None]
    begun: dict[str, datetime] = field(default_factory=dict)

    def started(self) -> dict[str, datetime]:
        """When each case began: its first start or completion."""
        found = dict(self.begun)
        for step in self.steps:
            at = min(step.start or step.at, step.at)
            found[step.case] = min(at, found.get(step.case, at))
        return found

    def paths(self, places: Mapping[str, int]) -> Counter[tuple[str, str]]:
        """How often a step follows another; equal times go by start, then by map."""
        cases: dict[str, list[Step]] = defaultdict(list)
        for step in self.steps:
            cases[step.case].append(step)
        found: Counter[tuple[str, str]] = Counter()
        for steps in cases.values():
            steps.sort(key=lambda s: (s.at, s.start or s.at, places[s.name]))
            names = [step.name for step in steps]
            found.update(pairwise(names))
        return found


def text(path: Path) -> str:
    """A file as text, unpacked."""
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def ended(steps: Iterable[Step], ends: set[str]) -> dict[str, datetime | None]:
    """The first end that no other step follows; None if the last word is work."""
    cases: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        cases[step.case].append(step)
    found: dict[str, datetime | None] = {}
    for case, own in cases.items():
        worked = max((s.at for s in own if s.name not in ends), default=None)
        over = [s.at for s in own if s.name in ends and (not worked or s.at >= worked)]
        found[case] = min(over, default=None)
    return found


def production(path: Path) -> Read:
    """Steps with start and end; a job is over with the row that the tool calls End."""
    form = "%Y/%m/%d %H:%M:%S.%f"
    steps = [
        Step(
            row["Case ID"],
            row["Activity"],
            datetime.strptime(row["Complete Timestamp"], form),
            datetime.strptime(row["Start Timestamp"], form),
        )
        for row in csv.DictReader(io.StringIO(text(path)))
    ]
    return Read(steps, {step.case: step.at for step in steps if step.name == "End"})


def permits(path: Path) -> Read:
    """Tasks of requests; the end is a column, once it has come."""
    rows = list(csv.DictReader(io.StringIO(text(path))))
    known = max(datetime.fromisoformat(row["time:timestamp"]) for row in rows)
    steps, ends = [], {}
    for row in rows:
        case = row["case:concept:name"]
        at = utc(datetime.fromisoformat(row["time:timestamp"]))
        steps.append(Step(case, row["concept:name"], at))
        end = row["case:enddate"] and datetime.fromisoformat(row["case:enddate"])
        ends[case] = utc(end) if end and end <= known else None
    return Read(steps, ends)


def loans(path: Path) -> Read:
    """Pieces of work from START to COMPLETE, first in, first out; the rest moments."""
    decisions = {"A_APPROVED", "A_DECLINED", "A_CANCELLED"}
    found = Read([], {})
    starting: set[str] = set()
    for case, events in traces(path):
        loan = case["concept:name"]
        waiting: dict[str, deque[datetime]] = defaultdict(deque)
        moves = [
            (utc(datetime.fromisoformat(e["time:timestamp"])), state != "START", name)
            for e in events
            for name, state in [(e["concept:name"], e["lifecycle:transition"])]
            if state in {"START", "COMPLETE"}
        ]
        found.ends[loan] = None
        for at, is_done, name in sorted(moves, key=lambda move: move[:2]):
            if not is_done:
                waiting[name].append(at)
                starting.add(name)
                continue
            start = waiting[name].popleft() if waiting[name] else None
            found.steps.append(Step(loan, name, at, start))
            if name in decisions:
                found.ends[loan] = at
        still = [at for queue in waiting.values() for at in queue]
        if still:
            found.begun[loan] = min(still)
    found.steps = [
        step if step.name in starting else Step(step.case, step.name, step.at, step.at)
        for step in found.steps
    ]
    return found


def incidents(path: Path) -> Read:
    """States of incidents; resolved or closed ends one unless work follows."""
    steps = [
        Step(
            row["number"],
            row["incident_state"],
            datetime.strptime(row["sys_updated_at"], "%d/%m/%Y %H:%M"),
        )
        for row in csv.DictReader(io.StringIO(text(path)))
    ]
    found = ended(steps, {"Resolved", "Closed"})
    # Resolved is the end; closing one that was never resolved since is as good.
    last = {}
    for step in steps:
        if step.name not in {"Resolved", "Closed"}:
            last[step.case] = max(step.at, last.get(step.case, step.at))
    resolved: dict[str, datetime] = {}
    for step in steps:
        if step.name == "Resolved" and step.at >= last.get(step.case, step.at):
            resolved[step.case] = min(step.at, resolved.get(step.case, step.at))
    return Read(steps, found | resolved)


def problems(path: Path) -> Read:
    """State and status of problems; Completed / Closed ends one."""
    steps = [
        Step(
            case["concept:name"],
            f"{event['concept:name']} / {event['lifecycle:transition']}",
            utc(datetime.fromisoformat(event["time:timestamp"])),
        )
        for case, events in traces(path)
        for event in events
    ]
    return Read(steps, ended(steps, {"Completed / Closed"}))


def market(path: Path) -> Read:
    """Four times of an order, on the wall clock of Brasília."""
    columns = {
        "purchase": "order_purchase_timestamp",
        "approve": "order_approved_at",
        "hand_over": "order_delivered_carrier_date",
        "deliver": "order_delivered_customer_date",
    }
    found = Read([], {})
    for row in csv.DictReader(io.StringIO(text(path), newline="")):
        order = row["order_id"]
        found.ends[order] = None
        for name, column in columns.items():
            if local := olist_sample.wall(row[column]):
                at = olist_sample.instant(local).astimezone(UTC).replace(tzinfo=None)
                found.steps.append(Step(order, name, at))
                if name == "deliver":
                    found.ends[order] = at
    return found


def supply(path: Path) -> Read:
    """Four days of a delivery line; words in their place are no days."""
    columns = {
        "quote": ("PQ First Sent to Client Date", scms_procurement.american),
        "order": ("PO Sent to Vendor Date", scms_procurement.american),
        "deliver": ("Delivered to Client Date", scms_procurement.written),
        "record": ("Delivery Recorded Date", scms_procurement.written),
    }
    found = Read([], {})
    for row in scms_procurement.rows(path):
        for name, (column, day_of) in columns.items():
            if day := day_of(row[column]):
                at = datetime(day.year, day.month, day.day)
                found.steps.append(Step(row["ID"], name, at))
                if name == "record":
                    found.ends[row["ID"]] = at
    return found
