"""What the logs of incidents and closed problems say, event by event.

The team stands in ``org:group`` for incidents and in ``organization involved`` for
problems; the support line is the end of its name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from tests.real.oracles.measured import (
    Facts,
    Measured,
    last_covered_day,
    local_day,
    seconds,
)
from tests.real.oracles.xes import traces

ZONE = "Europe/Brussels"
WINDOW = timedelta(days=7)
DONE = "Completed"


@dataclass
class Support(Facts):
    """Facts, and per process how often work was repeated and cases reopened."""

    repetitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    reopenings: Counter[tuple[str, str]] = field(default_factory=Counter)
    paths: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def moment(event: dict[str, str]) -> datetime:
    """When an event occurred."""
    return datetime.fromisoformat(event["time:timestamp"])


def code(event: dict[str, str]) -> str:
    """Status and substatus as one word."""
    text = f"{event['concept:name']}/{event['lifecycle:transition']}"
    return text.replace(" - ", "_").replace(" ", "_").lower()


def compute(folder: Path) -> Support:
    """Work out every figure of both logs."""
    facts = Support()
    for process, export, team in (
        ("support", "incidents", "org:group"),
        ("problems", "closed_problems", "organization involved"),
    ):
        log = list(traces(folder / f"bpic2013_{export}.xes.gz"))
        name = export.removeprefix("closed_")
        facts.rows[f"vinst.{name}"] = (sum(len(events) for _, events in log), 0, 0)
        as_of = max(moment(event) for _, events in log for event in events)
        for case, events in log:
            _case(facts, process, case["concept:name"], events, team, as_of)
    return facts


def _case(
    facts: Support,
    process: str,
    case: str,
    unsorted: list[dict[str, str]],
    team: str,
    as_of: datetime,
) -> None:
    events = sorted(unsorted, key=moment)
    by = events[0]["impact"].lower()
    first = moment(events[0])
    codes = [code(event) for event in events]
    facts.events.update((process, activity) for activity in codes)
    facts.paths.update((process, a, b) for a, b in pairwise(codes))
    facts.repetitions[process, case] = len(codes) - len(set(codes))
    done = [event["concept:name"] == DONE for event in events]
    back = [
        moment(b)
        for b, x, y in zip(events[1:], done, done[1:], strict=False)
        if x and not y
    ]
    facts.reopenings[process, case] = len(back)
    completed = next((moment(e) for e, d in zip(events, done, strict=True) if d), None)
    ended = None
    if done[-1]:
        at = len(done)
        while at and done[at - 1]:
            at -= 1
        ended = moment(events[at])
    facts.instances[process, case] = ended is None
    last_day = last_covered_day(as_of, ZONE)

    if process == "problems":
        timed = facts.kpis.setdefault("problems.resolution_hours", {})
        took = seconds(first, ended)
        timed[case] = Measured("counted", None, local_day(ended, ZONE), by, took, 1)
        refused = facts.kpis.setdefault("problems.closed_in_30_days_pct", {})
        refused[case] = Measured(
            "excluded", "only_closed_exported", local_day(first, ZONE), by
        )
        return

    timed = facts.kpis.setdefault("support.resolution_hours", {})
    alone = facts.kpis.setdefault("support.first_line_pct", {})
    reopened = facts.kpis.setdefault("support.reopened_pct", {})
    if completed is None:
        timed[case] = Measured("open", "not_completed_yet", last_day, by)
        alone[case] = Measured("open", "not_completed_yet", last_day, by)
        return
    on = local_day(completed, ZONE)
    timed[case] = Measured("counted", None, on, by, seconds(first, completed), 1)
    lines = {_line(event[team]) for event in events if moment(event) <= completed}
    alone[case] = Measured("counted", None, on, by, int(lines == {1}), 1)
    if completed + WINDOW > as_of:
        reopened[case] = Measured("undecided", "window_running", on, by)
    else:
        hit = bool(back) and back[0] <= completed + WINDOW
        reopened[case] = Measured("counted", None, on, by, int(hit), 1)


def _line(team: str) -> int:
    return {"2nd": 2, "3rd": 3}.get(team.rpartition(" ")[2], 1)
