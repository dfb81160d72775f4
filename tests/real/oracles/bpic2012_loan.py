"""What the log of loan applications says, read event by event from the raw file.

Work is paired with a queue per application and activity: the first START waiting
belongs to the next COMPLETE.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tests.real.oracles.measured import (
    Facts,
    Measured,
    last_covered_day,
    local_day,
    seconds,
)
from tests.real.oracles.xes import traces

ZONE = "Europe/Amsterdam"
WINDOW = timedelta(days=60)
ENDS = ("A_APPROVED", "A_DECLINED", "A_CANCELLED")


@dataclass
class Loans(Facts):
    """Facts, and what pairing found: paired, startless and open steps."""

    steps: Counter[str] = field(default_factory=Counter)


def moment(event: dict[str, str]) -> datetime:
    """When an event occurred."""
    return datetime.fromisoformat(event["time:timestamp"])


def compute(folder: Path) -> Loans:
    """Work out every figure."""
    log = list(traces(folder / "bpic2012.xes.gz"))
    facts = Loans(rows={"bank.log": (sum(len(events) for _, events in log), 0, 0)})
    decision = facts.kpis["loans.decision_hours"] = {}
    conversion = facts.kpis["loans.conversion_pct"] = {}
    effort = facts.kpis["loans.work_minutes"] = {}
    as_of = max(moment(event) for _, events in log for event in events)
    last_day = last_covered_day(as_of, ZONE)
    for case, events in log:
        loan = case["concept:name"]
        by = _band(int(case["AMOUNT_REQ"]))
        ends = {
            event["concept:name"]: moment(event)
            for event in reversed(events)
            if event["concept:name"] in ENDS
        }
        submitted = min(
            moment(event) for event in events if event["concept:name"] == "A_SUBMITTED"
        )
        (outcome, end), *others = ends.items() or [(None, None)]
        assert not others
        on = last_day if end is None else local_day(end, ZONE)
        work, startless = _pair(events, facts)
        facts.instances["loans", loan] = end is None

        if outcome == "A_CANCELLED":
            decision[loan] = Measured("excluded", "cancelled", on, by)
        elif end is None:
            decision[loan] = Measured("open", "not_decided_yet", on, by)
        else:
            took = seconds(submitted, end)
            decision[loan] = Measured("counted", None, on, by, took, 1)

        began_on = local_day(submitted, ZONE)
        if submitted + WINDOW > as_of:
            conversion[loan] = Measured("undecided", "window_running", began_on, by)
        else:
            won = outcome == "A_APPROVED" and end <= submitted + WINDOW
            conversion[loan] = Measured("counted", None, began_on, by, int(won), 1)

        if end is None:
            effort[loan] = Measured("open", "not_ended_yet", on, by)
        elif startless:
            effort[loan] = Measured("excluded", "no_start", on, by)
        else:
            effort[loan] = Measured("counted", None, on, by, work, 1)
    return facts


def _pair(events: list[dict[str, str]], facts: Loans) -> tuple[int, int]:
    """Seconds of paired work, and completions of work without a start."""
    waiting: dict[str, deque[datetime]] = defaultdict(deque)
    work = startless = 0
    order = {"START": 0, "COMPLETE": 1}
    moves = [event for event in events if event["lifecycle:transition"] in order]
    for event in sorted(
        moves, key=lambda e: (moment(e), order[e["lifecycle:transition"]])
    ):
        name, at = event["concept:name"], moment(event)
        if event["lifecycle:transition"] == "START":
            waiting[name].append(at)
            continue
        facts.events["loans", name.lower().replace(" ", "_")] += 1
        if waiting[name]:
            facts.steps["paired"] += 1
            work += seconds(waiting[name].popleft(), at)
        else:
            facts.steps["startless"] += 1
            startless += name.startswith("W")
    facts.steps["open"] += sum(len(queue) for queue in waiting.values())
    return work, startless


def _band(amount: int) -> str:
    if amount <= 10_000:
        return "up_to_10000"
    return "up_to_25000" if amount <= 25_000 else "above_25000"
