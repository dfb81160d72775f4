"""What the task log of permit requests says, read row by row from the raw file.

Times carry the offset of their season; days are days in Amsterdam.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from tests.real.oracles.measured import (
    Facts,
    Measured,
    last_covered_day,
    local_day,
    seconds,
)

ZONE = "Europe/Amsterdam"


def compute(folder: Path) -> Facts:
    """Work out every figure."""
    with (folder / "receipt.csv").open(encoding="utf-8", newline="") as stream:
        records = list(csv.DictReader(stream))
    facts = Facts(rows={"town.tasks": (len(records), 0, 0)})
    handling = facts.kpis["permits.handling_days"] = {}
    in_time = facts.kpis["permits.in_time_pct"] = {}
    confirmation = facts.kpis["permits.confirmation_hours"] = {}
    requests: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in records:
        requests[row["case:concept:name"]].append(row)
        facts.events["permits", _code(row["concept:name"])] += 1
    as_of = max(datetime.fromisoformat(row["time:timestamp"]) for row in records)
    last_day = last_covered_day(as_of, ZONE)
    for request, rows in requests.items():
        head = rows[0]
        by = head["case:channel"].lower()
        start = datetime.fromisoformat(head["case:startdate"])
        due = datetime.fromisoformat(head["case:deadline"])
        end = None
        if head["case:enddate"]:
            end = datetime.fromisoformat(head["case:enddate"])
            end = end if end <= as_of else None
        done: dict[str, datetime] = {}
        for row in rows:
            at = datetime.fromisoformat(row["time:timestamp"])
            code = _code(row["concept:name"])
            done[code] = min(at, done.get(code, at))
        ended_on = end and local_day(end, ZONE)
        is_reversed = end is not None and end < start
        facts.instances["permits", request] = end is None

        if end is None:
            handling[request] = Measured("open", "not_closed_yet", last_day, by)
        elif is_reversed:
            handling[request] = Measured("excluded", "reversed_clock", ended_on, by)
        else:
            took = seconds(start, end)
            handling[request] = Measured("counted", None, ended_on, by, took, 1)

        due_on = local_day(due, ZONE)
        if due > as_of:
            in_time[request] = Measured("undecided", "not_due_yet", due_on, by)
        elif is_reversed:
            in_time[request] = Measured("excluded", "reversed_clock", due_on, by)
        else:
            hit = int(end is not None and end <= due)
            in_time[request] = Measured("counted", None, due_on, by, hit, 1)

        received, confirmed = done["receipt"], done.get("t05")
        if confirmed is not None:
            on = local_day(confirmed, ZONE)
            took = seconds(received, confirmed)
            confirmation[request] = Measured("counted", None, on, by, took, 1)
        elif end is not None:
            confirmation[request] = Measured(
                "excluded", "missing_milestone", ended_on, by
            )
        else:
            confirmation[request] = Measured("open", "not_confirmed_yet", last_day, by)
    return facts


def _code(task: str) -> str:
    if task == "Confirmation of receipt":
        return "receipt"
    return task.split(" ", maxsplit=1)[0].lower()
