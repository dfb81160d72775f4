"""What the job-shop log says, read row by row from the raw file.

The tool that exported it added a Start and an End row to every job; their words in the
number columns make them unreadable as steps.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.real.oracles.measured import Facts, Measured, seconds

ENDS = {"Packing", "Final Inspection Q.C.", "Final Inspection"}


@dataclass(frozen=True)
class Clocks:
    """Seconds of all jobs, and how many jobs took more work than time."""

    sojourn: int
    processing: int
    touch: int
    crowded_jobs: int


def moment(text: str) -> datetime:
    """``2012/01/30 06:24:00.000``, taken as UTC."""
    return datetime.strptime(text, "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=UTC)


def steps(folder: Path) -> tuple[list[dict[str, str]], int, int]:
    """Steps without repetitions; rows of words; rows that repeat another."""
    with (folder / "Production_a.csv").open(encoding="utf-8", newline="") as stream:
        records = list(csv.DictReader(stream))
    readable = [row for row in records if row["Qty_Completed"].isdigit()]
    unique = list({tuple(row.values()): row for row in readable}.values())
    return unique, len(records) - len(readable), len(readable) - len(unique)


def clocks(folder: Path) -> Clocks:
    """Sojourn, union of busy intervals and sum of intervals, minute by minute."""
    jobs: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in steps(folder)[0]:
        jobs[row["Case ID"]].append(
            (moment(row["Start Timestamp"]), moment(row["Complete Timestamp"]))
        )
    sojourn = processing = touch = crowded = 0
    for spans in jobs.values():
        first = min(start for start, _ in spans)
        span = seconds(first, max(end for _, end in spans))
        # The log knows whole minutes: a minute is busy or it is not.
        busy = {
            minute
            for start, end in spans
            for minute in range(seconds(first, start) // 60, seconds(first, end) // 60)
        }
        work = sum(seconds(start, end) for start, end in spans)
        sojourn += span
        processing += 60 * len(busy)
        touch += work
        crowded += work > span
    return Clocks(sojourn, processing, touch, crowded)


def compute(folder: Path) -> Facts:
    """Work out every figure."""
    unique, rejected, repeated = steps(folder)
    facts = Facts(rows={"shopfloor.steps": (len(unique), rejected, repeated)})
    lead = facts.kpis["jobs.lead_hours"] = {}
    rejects = facts.kpis["jobs.reject_rate_pct"] = {}
    jobs: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in unique:
        jobs[row["Case ID"]].append(row)
        facts.events["jobs", row["Activity"]] += 1
        start, end = moment(row["Start Timestamp"]), moment(row["Complete Timestamp"])
        good, bad = int(row["Qty_Completed"]), int(row["Qty_Rejected"])
        subject = "/".join(
            (
                row["Case ID"],
                row["Activity"],
                row["Resource"],
                str(int(start.timestamp())),
                str(int(end.timestamp())),
                row["Qty_Completed"],
                row["Qty_Rejected"],
                row["Qty_for_MRB"],
                row["Report_Type"],
                row["Rework"] or "N",
            )
        )
        rejects[subject] = (
            Measured("counted", None, end.date(), row["Activity"], bad, good + bad)
            if good + bad
            else Measured("excluded", "no_units", end.date(), row["Activity"])
        )
    last_day = max(moment(row["Complete Timestamp"]) for row in unique).date()
    for job, rows in jobs.items():
        first = min(moment(row["Start Timestamp"]) for row in rows)
        last = max(moment(row["Complete Timestamp"]) for row in rows)
        final = {r["Activity"] for r in rows if moment(r["Complete Timestamp"]) == last}
        is_open = not final & ENDS
        facts.instances["jobs", job] = is_open
        if is_open:
            lead[job] = Measured("open", "not_finished_yet", last_day, "unknown")
        else:
            took = seconds(first, last)
            lead[job] = Measured("counted", None, last.date(), "unknown", took, 1)
    return facts
