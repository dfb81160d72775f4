"""Candidate KPIs of one drawn log: every figure against plain Python.

The log is drawn from a seed; the oracle reads what was drawn, not what the models made
of it. Figures are compared as integers, period by period.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any

import numpy
import pytest

from orchestration.build import Candidate
from tests.helpers.synthetic_logs import BEGIN, WEEK, Event, Log, mine, moment
from tests.helpers.warehouse import Warehouse, copy_warehouse

HOUR = 3600
WEEKS = 22
EACH = 34
Parts = dict[str, dict[date, tuple[int, int]]]


def local(second: int) -> date:
    """The day in Shanghai."""
    return moment(second + 8 * HOUR).date()


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def drawn() -> tuple[Log, list[dict[str, Any]]]:
    """The log, and each instance as it was drawn."""
    stream = numpy.random.default_rng(11)
    log = Log("desk")
    for activity in (
        "Receive",
        "Assign",
        "Reassign",
        "Request information",
        "Follow up",
    ):
        log.step(activity)
    log.step("Work")
    log.step("Consult")
    log.step("Approve", kind="approval", approval_level=1)
    log.step("Finish", is_terminal=True)
    log.step("Withdraw", is_terminal=True)
    instances = []
    for week, number in itertools.product(range(WEEKS), range(EACH)):
        at = BEGIN + week * WEEK + 24 * HOUR + number * 61
        events: list[Event] = []

        def do(
            activity: str,
            unit: str,
            who: str,
            wait: float,
            work: float,
            events: list[Event] = events,
            at: int = at,
        ) -> None:
            begin = (events[-1].end if events else at) + 1 + int(wait)
            events.append(Event(activity, begin, begin + 1 + int(work), unit, who))

        chance = stream.random
        do("Receive", "A", "system:web", 0, 5)
        do("Assign", "A", "ann", 900 * stream.lognormal(), 60)
        if chance() < 0.15:
            do("Reassign", "A", "ann", 600, 60)
        if chance() < 0.2:
            do("Request information", "A", "ann", 600, 60)
        for _ in range(int(stream.choice(3, p=(0.5, 0.4, 0.1)))):
            do("Follow up", "A", "bob", 1200, 120)
        slow = 30 if chance() < 0.12 else 1
        do("Work", "B", "cid", 3 * HOUR * slow * stream.lognormal(0, 0.3), 900)
        if chance() < 0.25:
            do("Consult", "C", "dan", 300, 60)
            do("Work", "B", "cid", 300, 600)
        for _ in range(1 + (chance() < 0.3)):
            do("Approve", "C", "eve", 600 * stream.lognormal(), 30)
        fate = chance()
        is_cancelled = fate < 0.09
        is_open = fate > 0.96
        if not is_open:
            do("Withdraw" if is_cancelled else "Finish", "A", "ann", 60, 10)
        end = None if is_open else events[-1].end
        one = {
            "events": events,
            "start": events[0].start,
            "end": end,
            "state": "open" if is_open else "cancelled" if is_cancelled else "closed",
            "due": at + 20 * HOUR,
            "outcome": None
            if is_open
            else "withdrawn"
            if is_cancelled
            else "rejected"
            if chance() < 0.1
            else "done",
            "requester": f"q{int(stream.integers(60))}",
            "score": int(stream.integers(1, 6)) if chance() < 0.6 else None,
            "cost": int(stream.integers(100, 900)),
        }
        instances.append(one)
        log.add(
            events,
            is_open=is_open,
            started_on=local(one["start"]),
            ended_on=None if end is None else local(end),
            due_at=moment(one["due"]),
            outcome_code=one["outcome"],
            is_cancelled=is_cancelled,
            requester_id=one["requester"],
            score=one["score"],
            cost_cents=one["cost"],
        )
    return log, instances


def oracle(instances: list[dict[str, Any]]) -> Parts:
    """Template to week to numerator and denominator, all but T15 and T16."""
    parts: Parts = defaultdict(lambda: defaultdict(lambda: (0, 0)))

    def count(template: str, day: date, top: int, bottom: int = 1) -> None:
        was = parts[template][monday(day)]
        parts[template][monday(day)] = (was[0] + int(top), was[1] + bottom)

    starts = defaultdict(list)
    for one in instances:
        starts[one["requester"]].append(one["start"])
    for one in instances:
        events, start, end = one["events"], one["start"], one["end"]
        names = Counter(event.activity for event in events)
        assigned = [e for e in events if e.activity in ("Assign", "Reassign")]
        if one["state"] != "cancelled":
            count("T04", local(assigned[0].end), assigned[0].end - start)
            count("T05", local(one["due"]), end is not None and end <= one["due"])
            count("T06", local(start), end is not None and local(end) == local(start))
            last = local(end) if end is not None else date(2026, 1, 1)
            for event in events:
                if event.activity == "Follow up":
                    count("T25", local(event.end), 1, 0)
            for days in range((last - local(start)).days + 1):
                count("T25", local(start) + timedelta(days=days), 0, 1)
        if end is None:
            continue
        day = local(end)
        count("T23", day, one["state"] == "cancelled")
        count("T14", day, one["outcome"] == "rejected")
        if one["state"] == "cancelled":
            continue
        again = names["Work"] > 1 or names["Approve"] > 1 or names["Follow up"] > 1
        count("T01", day, end - start)
        count("T07", day, not again and one["outcome"] != "rejected")
        count("T09", day, len(assigned) == 1)
        units = [event.unit for event in events]
        changes = sum(a != b for a, b in itertools.pairwise(units))
        count("T10", day, changes)
        count("T11", day, names["Consult"] > 0)
        count("T12", day, names["Request information"] == 0)
        gaps = [
            b.end - a.end
            for a, b in itertools.pairwise(events)
            if b.activity == "Approve"
        ]
        count("T13", day, sum(gaps))
        work = sum(event.end - event.start for event in events)
        count("T17", day, work, end - start)
        count("T18", day, names["Receive"], len(events))
        later = [s for s in starts[one["requester"]] if s > end]
        count("T19", day, any(s <= end + 30 * 86400 for s in later))
        if one["score"] is not None:
            count("T20", day, 100 * one["score"])
        count("T21", day, one["outcome"] == "rejected")
        count("T22", day, 1, 0)
        count("T24", day, one["cost"])
        for activity, times in names.items():
            count(f"T08.{activity}", day, times > 1)
    return parts


@pytest.fixture(scope="module")
def drawing() -> tuple[Log, list[dict[str, Any]]]:
    return drawn()


@pytest.fixture(scope="module")
def desk(
    empty: Candidate,
    drawing: tuple[Log, list[dict[str, Any]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Warehouse:
    """The log, measured."""
    warehouse = copy_warehouse(empty.path, tmp_path_factory.mktemp("desk"))
    mine(warehouse, [drawing[0]])
    return warehouse


def test_every_template_measures_what_it_says(desk, drawing) -> None:
    """T02 and T03 too: their rows are waits and durations of one path and step."""
    expected = oracle(drawing[1])
    for one in drawing[1]:
        if one["state"] == "cancelled":
            continue
        for event, following in itertools.pairwise(one["events"]):
            week = monday(local(following.end))
            place = f"T02.{event.activity}--{following.activity}"
            was = expected[place][week]
            expected[place][week] = (was[0] + following.start - event.end, was[1] + 1)
        for event in one["events"]:
            week, place = monday(local(event.end)), f"T03.{event.activity}"
            was = expected[place][week]
            expected[place][week] = (was[0] + event.end - event.start, was[1] + 1)
    rows = desk.rows(
        "select replace(candidate_id, 'desk.', ''), period_start, numerator, "
        "denominator from fct_kpi_candidate_values where period_grain = 'week'"
    )
    found: Parts = defaultdict(dict)
    for name, week, top, bottom in rows:
        found[name][week] = (top, bottom)
    compared = set(found) - {"T15", "T16"}
    for name in compared:
        assert len(found[name]) >= 12, name
        for week, parts in found[name].items():
            top, bottom = expected[name][week]
            assert parts == (top, bottom if name != "T22" else 1), (name, week)
    wanted = {f"T{n:02}" for n in range(1, 26)} - {"T02", "T03", "T08", "T15", "T16"}
    assert wanted - compared <= {"T10", "T17"}, "templates that this log calls for"


def test_the_slowest_tenth_and_what_is_overdue(desk, drawing) -> None:
    leads, open_spans = defaultdict(list), []
    for one in drawing[1]:
        if one["state"] == "closed":
            leads[monday(local(one["end"]))].append(one["end"] - one["start"])
        if one["state"] != "cancelled":
            open_spans.append((one["start"], one["end"]))
    closed = [lead for week in leads.values() for lead in week]
    limit = int(numpy.ceil(numpy.quantile(closed, 0.85)))
    rows = desk.rows(
        "select template_code, period_start, period_end, numerator, denominator "
        "from fct_kpi_candidate_values inner join fct_kpi_candidates "
        "using (candidate_id) where template_code in ('T15', 'T16')"
    )
    assert {row[0] for row in rows} >= {"T16"}
    for template, begin, until, top, bottom in rows:
        if template == "T15":
            p90 = numpy.quantile(leads[begin], 0.9)
            assert abs(top - p90) <= 0.5
            continue
        there = [s for s, e in open_spans if local(s) < until and not ended(e, until)]
        late = [s for s in there if local(s + limit) < until]
        assert (top, bottom) == (len(late), len(there))


def ended(end: int | None, until: date) -> bool:
    return end is not None and local(end) < until


def test_the_score_is_the_weighted_mean_of_what_is_known(desk) -> None:
    weights = (0.30, 0.20, 0.15, 0.15, 0.10, 0.10)
    rows = desk.rows(
        "select impact, reliability, control, outcome, dispersion, signal, score "
        "from fct_kpi_candidates where score is not null"
    )
    assert any(None in row[:6] for row in rows)
    for *parts, score in rows:
        known = [(w, p) for w, p in zip(weights, parts, strict=True) if p is not None]
        mean = sum(w * p for w, p in known) / sum(w for w, _ in known)
        assert score == pytest.approx(mean, abs=1e-8)
        assert all(0 <= part <= 1 for _, part in known)


def test_no_other_balanced_set_is_worth_more(desk) -> None:
    """Brute force over the candidates that are kept."""
    rho = {
        frozenset(row[:2]): row[2]
        for row in desk.rows(
            "select candidate_id, other_candidate_id, rho from fct_kpi_candidate_pairs "
            "where rho is not null"
        )
    }
    columns = (
        "candidate_id, template_code, kind, family, score, is_core, counters, "
        "from_activity_code, to_activity_code"
    )
    rows = desk.rows(
        f"select {columns} from fct_kpi_candidates inner join "
        "(select template_code, counters from stg_registers__kpi_templates) "
        "using (template_code) where status = 'candidate'"
    )
    kept = [dict(zip(columns.split(", "), row, strict=True)) for row in rows]

    def worth(members: tuple[dict, ...]) -> float:
        pairs = itertools.combinations([one["candidate_id"] for one in members], 2)
        twins = sum(rho.get(frozenset(pair), 0) ** 2 for pair in pairs)
        return sum(one["score"] for one in members) - 0.5 * twins

    def is_balanced(members: tuple[dict, ...]) -> bool:
        return any(one["kind"] == "outcome" for one in members) and all(
            any(
                other["template_code"] in (one["counters"] or "").split("|")
                and other["from_activity_code"]
                in (None, one["from_activity_code"], one["to_activity_code"])
                for other in members
            )
            for one in members
            if one["family"] in ("speed", "cost", "volume")
        )

    sets = [
        members
        for size in (2, 3)
        for members in itertools.combinations(kept, size)
        if is_balanced(members)
    ]
    core = tuple(one for one in kept if one["is_core"])
    assert len(core) in (2, 3)
    assert is_balanced(core)
    assert worth(core) == pytest.approx(max(map(worth, sets)), abs=1e-8)


def test_each_number_in_a_sentence_is_evidence(desk) -> None:
    rows = desk.rows(
        "select candidate_id, name_en, name_zh, evidence, reason_en, reason_zh "
        "from fct_kpi_candidates"
    )
    for candidate, name_en, name_zh, evidence, *sentences in rows:
        known = {
            abs(float(value))
            for value in json.loads(evidence).values()
            if isinstance(value, int | float)
        } | {95.0}
        for sentence in sentences:
            text = re.sub(r"[pP]95", "", sentence)
            for name in (name_en, name_zh):
                text = text.replace(name, "")
            for number in re.findall(r"\d+(?:\.\d+)?", text):
                near = min(known, key=lambda value: abs(value - float(number)))
                assert float(number) == pytest.approx(near, rel=0.005, abs=0.005), (
                    candidate,
                    sentence,
                )


def test_ids_stay_when_the_log_grows(desk, drawing, empty, tmp_path) -> None:
    """Two weeks less of the same log have the same candidates by the same names."""
    shorter = Log("desk", map=drawing[0].map)
    known = (WEEKS - 2) * EACH
    shorter.instances = drawing[0].instances[:known]
    names = {one["process_instance_id"] for one in shorter.instances}
    shorter.rows = [row for row in drawing[0].rows if row[1] in names]
    earlier = copy_warehouse(empty.path, tmp_path)
    mine(earlier, [shorter])
    query = "select candidate_id from fct_kpi_candidates order by candidate_id"
    assert set(earlier.rows(query)) == set(desk.rows(query))
