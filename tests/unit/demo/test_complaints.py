"""Complaints: the planted trade-off, the dirt, and counters on cases worked by hand."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime

import pandas as pd
import pytest

from demo import complaints
from demo.clock import DAY, NONE, moment
from demo.company import account
from tests.helpers.demo_company import (
    CALENDARS,
    END,
    delivered,
    dirt,
    months,
    parts,
    plants_found,
    world,
)

APRIL = moment(2025, 4, 1)
RESOLUTION, REPEAT, DISPATCH, ACCURACY, ERRORS = (kpi.code for kpi in complaints.KPIS)


@pytest.fixture(scope="module")
def desk():
    """The service desk at the usual volume."""
    return complaints.build(world())


# --- planted ----------------------------------------------------------------------


def share(process, code: str, first: str, last: str) -> float:
    """Numerator by denominator over all months from first to last, as it happened."""
    cells = months(process.actual(), code)
    inside = [one for label, one in cells.items() if first <= label <= last]
    return sum(c["num"] for c in inside) / sum(c["den"] for c in inside)


def test_faster_dispatch_is_paid_for_with_errors_until_it_is_repaired(desk):
    """PL2: 75 → 45 min; errors 2 → 7 → 2 %, accuracy 97.5 → 91 → 97.5 %."""
    before, between, after = (
        ("2025-01", "2025-09"),
        ("2025-11", "2026-01"),
        ("2026-03", "2026-06"),
    )
    assert share(desk, DISPATCH, *before) / 60 == pytest.approx(75, abs=1.5)
    assert share(desk, DISPATCH, *between) / 60 == pytest.approx(45, abs=1.5)
    assert share(desk, DISPATCH, *after) / 60 == pytest.approx(45, abs=1.5)
    for code, usual, ill in ((ERRORS, 0.02, 0.067), (ACCURACY, 0.973, 0.915)):
        assert share(desk, code, *before) == pytest.approx(usual, abs=0.005)
        assert share(desk, code, *between) == pytest.approx(ill, abs=0.01)
        assert share(desk, code, *after) == pytest.approx(usual, abs=0.005)


def test_the_plant_switched_off_takes_its_findings_with_it(desk):
    assert plants_found(desk, {}) == {"PL2"}
    off = complaints.build(world(without="PL2"))
    assert plants_found(off, account([off], END)["kpis"]) == set()
    level = share(off, DISPATCH, "2025-11", "2026-06") / 60
    assert level == pytest.approx(75, abs=1.5)
    assert share(off, ERRORS, "2025-11", "2026-01") < 0.03


# --- exported ---------------------------------------------------------------------


def rows_of(desk) -> list[tuple[str, dict]]:
    """All delivered rows, each with the path of its file."""
    return [
        (path, json.loads(line))
        for path, data in delivered(desk.feeds[0]).items()
        for line in data.decode("utf-8").splitlines()
    ]


def test_files_are_monthly_and_daily_in_the_last_month(desk):
    paths = [*delivered(desk.feeds[0])]
    assert len(paths) == 17 + 30
    assert paths[16:18] == [
        "helpdesk/complaints_202605.jsonl",
        "helpdesk/complaints_20260601.jsonl",
    ]
    assert len(delivered(desk.feeds[0], moment(2026, 6, 10, 0, 59))) == 17 + 8


def test_the_planted_dirt_is_in_the_files(desk):
    """Late events lie in a later file than their own; an absent key is a null."""
    rows, found = rows_of(desk), dirt(desk)
    export = desk.feeds[0].export
    received = [row for _, row in rows if row["event_type"] == "received"]
    nameless = sum("customer_id" not in row for row in received)
    assert nameless == found["D6", export]
    assert 0.01 < nameless / len(received) < 0.03
    own = [row["event_time"][:10].replace("-", "") for _, row in rows]
    periods = [path.rsplit("_", 1)[1].removesuffix(".jsonl") for path, _ in rows]
    displaced = sum(
        not day.startswith(period) for day, period in zip(own, periods, strict=True)
    )
    assert 0 < displaced <= found["D3", export]
    assert all(value is not None for _, row in rows for value in row.values())


def test_resolution_equals_what_the_files_say(desk):
    """Recounted from the delivered lines in plain Python."""
    cases = defaultdict(list)
    for _, row in rows_of(desk):
        cases[row["complaint_no"]].append(row)
    found = defaultdict(Counter)
    for events in cases.values():
        times = defaultdict(list)
        for event in events:
            at = datetime.fromisoformat(event["event_time"])
            times[event["event_type"]].append(at)
        every = [at for one in times.values() for at in one]
        start = min(times["received"] or every)
        ended = max(times["accepted"], default=None)
        again = max(times["reopened"], default=None)
        if ended and again and again > ended:
            ended = None
        lost = [a for a in times["archived"] if again is None or a > again]
        label = (ended or start).strftime("%Y-%m")
        if times["withdrawn"]:
            found[label]["withdrawn"] += 1
        elif any("duplicate_of" in event for event in events):
            found[label]["duplicate_case"] += 1
        elif not times["received"] or (ended is None and lost):
            found[label]["missing_milestone"] += 1
        elif ended is None:
            found["2026-06"]["open"] += 1
        else:
            found[label]["num"] += int((ended - start).total_seconds())
            found[label]["n"] += 1
    for label, seen in months(desk.seen(END), RESOLUTION).items():
        want = found.pop(label)
        for part in ("num", "n", "open"):
            assert seen[part] == want.pop(part, 0)
        assert seen["excluded"] == want
    assert not found


# --- counted ----------------------------------------------------------------------


def march(code: str, *cases: list[tuple], now: int = APRIL) -> dict:
    """The cell of March 2025 of cases, each a list of (type, moment, columns)."""
    rows = []
    for number, events in enumerate(cases):
        for kind, at, *columns in events:
            row = dict.fromkeys(complaints.COLUMNS, NONE)
            row.update(case=number, time=at, type=complaints.CODE[kind], id=len(rows))
            row.update(*columns)
            rows.append(row)
    service = CALENDARS["service"]
    tally = complaints.count(pd.DataFrame(rows), len(cases), service, now)
    return months(tally, code)["2025-03"]


def at(day: int, hour: int = 12) -> int:
    """A moment in March 2025."""
    return moment(2025, 3, day, hour)


def test_resolution_runs_to_the_last_acceptance():
    """Three days without, five with a reopening; a second reopening leaves it open."""
    first = [("received", at(1)), ("accepted", at(4))]
    again = [*first, ("reopened", at(5)), ("accepted", at(6))]
    cell = march(
        RESOLUTION,
        first,
        again,
        [*again, ("reopened", at(7))],
        [*first, ("withdrawn", at(5))],
        [*first, ("classified", at(2), {"duplicate_of": 0})],
        [("handled", at(3)), ("accepted", at(4))],
        [("received", at(1)), ("archived", at(4))],
    )
    assert cell == parts(
        *((3 + 5) * DAY, 2, 2),
        open=1,
        withdrawn=1,
        duplicate_case=1,
        missing_milestone=2,
    )


def test_dispatch_runs_while_the_desk_is_open():
    """20:00 to 10:00 the next day is one evening and one morning hour."""
    cell = march(
        DISPATCH,
        [("received", at(1, 20)), ("assigned", at(2, 10))],
        [("received", at(1, 20)), ("assigned", at(1, 19))],
        [("received", at(1, 20)), ("handled", at(2))],
        [("received", at(1, 20))],
    )
    assert cell == parts(
        *(2 * 3_600, 1, 1), open=1, reversed_clock=1, missing_milestone=1
    )


def test_an_assignment_is_judged_when_the_next_one_or_the_end_comes():
    """Wrong department, load balance, resolved: 2 of 3 right; one still waits."""
    wrong, balance = {"reason": 0}, {"reason": 2}
    start = [("received", at(1)), ("assigned", at(2))]
    end = ("accepted", at(5))
    cell = march(
        ACCURACY,
        [*start, ("reassigned", at(3), wrong)],
        [*start, ("reassigned", at(3), balance), end],
        [*start, ("withdrawn", at(3))],
    )
    assert cell == parts(2, 3, 3, undecided=1, withdrawn=1)


def test_an_error_counts_for_a_fortnight_after_the_handling():
    cell = march(
        ERRORS,
        [("received", at(1)), ("handled", at(2)), ("qa_error", at(16))],
        [("received", at(1)), ("handled", at(2)), ("qa_error", at(16) + 1)],
        [("received", at(1)), ("feedback_sent", at(2))],
        [("received", at(1))],
    )
    assert cell == parts(1, 2, 2, open=1, missing_milestone=1)


def test_a_repeat_has_the_same_customer_product_and_category():
    """Of three resolved on the 3rd one comes back in time; a duplicate is none."""

    def case(day: int, customer: int = 1, product: int = 1, end=None, **more) -> list:
        who = {"customer": customer, "product": product}
        known = {"category": 0, **more}
        events = [("received", at(day), who), ("classified", at(day), known)]
        return events + ([("accepted", end)] if end else [])

    cell = march(
        REPEAT,
        *(case(1, end=at(3)), case(20)),
        *(case(1, customer=2, end=at(3)), case(20, customer=2, product=9)),
        *(case(1, customer=3, end=at(3)), case(2, customer=3, duplicate_of=4)),
        case(1, customer=NONE, end=at(3)),
        case(1, customer=4, end=at(4)),
        now=at(3) + 30 * DAY,
    )
    assert cell == parts(1, 3, 3, undecided=1, unknown_customer=1)
