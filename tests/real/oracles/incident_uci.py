"""What the ServiceNow incident log says, read row by row from the raw file.

Every row is one update of one incident at ``sys_updated_at`` and carries the state
after that update. The header fields of an incident are repeated on each row with
their **final** value, so nothing here reads ``resolved_at`` or ``closed_at`` except
`Oracle.resolved_by_header`, which shows what reading them would have claimed.

Clock times have no zone and are taken as they stand (UTC): the log does not say
where it was written.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from tests.real.oracles.measured import Measured

NULL = "?"
TERMINAL = {"Resolved", "Closed"}
REPEAT_WINDOW = timedelta(days=30)


def moment(text: str) -> datetime | None:
    """A day-first, unpadded minute such as ``9/3/2016 18:05``; ``?`` is unknown."""
    return None if text == NULL else datetime.strptime(text, "%d/%m/%Y %H:%M")


def seconds(earlier: datetime, later: datetime) -> int:
    """Whole seconds; the log knows minutes only."""
    return int((later - earlier).total_seconds())


@dataclass(frozen=True)
class Update:
    """One row: the state of an incident after one update."""

    incident: str
    state: str
    at: datetime
    update_no: int
    opened_at: datetime
    caller: str | None
    priority: str
    is_assigned: bool
    header_resolved_at: datetime | None


@dataclass
class Oracle:
    """Everything the marts must say about a log that ends at ``data_as_of``."""

    rows_in: int
    exact_duplicates: int
    same_state_same_minute: int
    data_as_of: datetime
    updates: dict[str, list[Update]]
    resolution: dict[str, Measured] = field(default_factory=dict)
    assignment: dict[str, Measured] = field(default_factory=dict)
    repeats: dict[str, Measured] = field(default_factory=dict)
    reopenings: list[tuple[str, datetime]] = field(default_factory=list)
    unsolved: set[str] = field(default_factory=set)
    unclosed: set[str] = field(default_factory=set)
    resolved_by_header: set[str] = field(default_factory=set)

    @property
    def states(self) -> Counter[str]:
        """Updates per state."""
        return Counter(u.state for rows in self.updates.values() for u in rows)


def read(path: Path, until: datetime | None = None) -> list[list[str]]:
    """The data records of the log, header first, up to and including ``until``."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        header, *records = csv.reader(stream)
    updated = header.index("sys_updated_at")
    if until is not None:
        records = [row for row in records if moment(row[updated]) <= until]
    return [header, *records]


def compute(path: Path, until: datetime | None = None) -> Oracle:
    """Work out every figure from the rows known at ``until`` (default: all)."""
    header, *records = read(path, until)
    rows = [dict(zip(header, record, strict=True)) for record in records]
    updates: dict[str, list[Update]] = defaultdict(list)
    for row in rows:
        updates[row["number"]].append(
            Update(
                incident=row["number"],
                state=row["incident_state"],
                at=moment(row["sys_updated_at"]),
                update_no=int(row["sys_mod_count"]),
                opened_at=moment(row["opened_at"]),
                caller=None if row["caller_id"] == NULL else row["caller_id"],
                priority=row["priority"],
                is_assigned=(row["assignment_group"], row["assigned_to"])
                != (NULL, NULL),
                header_resolved_at=moment(row["resolved_at"]),
            )
        )
    for incident in updates:
        # Within a minute the log's own counter says which update came first.
        updates[incident].sort(key=lambda u: (u.at, u.update_no))
    oracle = Oracle(
        rows_in=len(records),
        exact_duplicates=len(records) - len({tuple(row) for row in records}),
        same_state_same_minute=len(records)
        - len({(r["number"], r["incident_state"], r["sys_updated_at"]) for r in rows}),
        data_as_of=max(u.at for rows in updates.values() for u in rows),
        updates=dict(updates),
    )
    _judge(oracle)
    return oracle


def _judge(oracle: Oracle) -> None:
    last_day = (oracle.data_as_of - timedelta(seconds=1)).date()
    opened_by_caller: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for incident, rows in oracle.updates.items():
        caller = _caller(rows)
        if caller is not None:
            opened_by_caller[caller].append((rows[0].opened_at, incident))

    for incident, rows in oracle.updates.items():
        resolved = next((u.at for u in rows if u.state == "Resolved"), None)
        assigned = next((u.at for u in rows if u.is_assigned), None)
        ended = next((u.at for u in rows if u.state in TERMINAL), None)
        closed = next((u.at for u in rows if u.state == "Closed"), None)

        if rows[-1].state not in TERMINAL:
            oracle.unsolved.add(incident)
        if closed is None:
            oracle.unclosed.add(incident)
        if rows[0].header_resolved_at is not None:
            oracle.resolved_by_header.add(incident)

        oracle.resolution[incident] = _duration(
            rows[0], resolved, closed, last_day, "not_resolved_yet"
        )
        oracle.assignment[incident] = _duration(
            rows[0], assigned, ended, last_day, "not_assigned_yet"
        )
        oracle.reopenings += [
            (incident, after.at)
            for before, after in pairwise(rows)
            if before.state in TERMINAL and after.state not in TERMINAL
        ]
        if resolved is not None:
            oracle.repeats[incident] = _repeat(
                rows[0], resolved, _caller(rows), opened_by_caller, oracle.data_as_of
            )


def _caller(rows: list[Update]) -> str | None:
    """Who called when the incident was opened: the first caller known."""
    return next((u.caller for u in rows if u.caller is not None), None)


def _duration(
    first: Update,
    end: datetime | None,
    later: datetime | None,
    last_day: date,
    still_open: str,
) -> Measured:
    by = first.priority
    if end is None and later is not None:
        return Measured("excluded", "missing_milestone", later.date(), by)
    if end is None:
        return Measured("open", still_open, last_day, by)
    if end < first.opened_at:
        return Measured("excluded", "reversed_clock", end.date(), by)
    took = seconds(first.opened_at, end)
    return Measured("counted", None, end.date(), by, took, 1)


def _repeat(
    first: Update,
    resolved: datetime,
    caller: str | None,
    opened_by_caller: dict[str, list[tuple[datetime, str]]],
    data_as_of: datetime,
) -> Measured:
    on, by = resolved.date(), first.priority
    if caller is None:
        return Measured("excluded", "unknown_caller", on, by)
    if resolved + REPEAT_WINDOW > data_as_of:
        return Measured("undecided", "window_running", on, by)
    came_back = any(
        other != first.incident and resolved < opened <= resolved + REPEAT_WINDOW
        for opened, other in opened_by_caller[caller]
    )
    return Measured("counted", None, on, by, int(came_back), 1)
