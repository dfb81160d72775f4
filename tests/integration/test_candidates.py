"""Candidate KPIs of one drawn log: every figure against plain Python.

The log is drawn from a seed; the oracle reads what was drawn, not what the models made
of it. Figures are compared as integers, period by period.
"""

from __future__ import annotations

import csv
import importlib.util
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy
import pytest
from scipy.stats import spearmanr

from orchestration.build import Candidate
from orchestration.settings import PROJECT_ROOT
from tests.helpers.candidates import COUNTERS, check_sentences, holds
from tests.helpers.synthetic_logs import BEGIN, WEEK, Event, Log, mine, moment
from tests.helpers.warehouse import Warehouse, copy_warehouse

HOUR = 3600
WEEKS = 22
EACH = 34
Days = dict[str, dict[date, tuple[int, int, int]]]
# A process whose cases are troubles: that somebody comes again is one more.
DESK = "help_desk"


def register(name: str) -> list[dict[str, str]]:
    """The rows of a seed, as the business writes them."""
    text = (PROJECT_ROOT / "seeds" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


MEASURES = {row["template_code"]: row for row in register("kpi_templates")}
N_MIN = {
    row["name"]: float(row["value"])
    for row in register("defaults")
    if row["name"] in ("n_min_rate", "n_min_other") and row["scope_code"] == "all"
}
SPEC = importlib.util.spec_from_file_location(
    "choices", PROJECT_ROOT / "models/discovery/int_kpi_candidate_choices.py"
)
CHOICES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(CHOICES)


def local(second: int) -> date:
    """The day in Shanghai."""
    return moment(second + 8 * HOUR).date()


def drawn() -> tuple[Log, list[dict[str, Any]]]:
    """The log, and each instance as it was drawn."""
    stream = numpy.random.default_rng(11)
    log = Log(DESK)
    for activity in (
        "Receive",
        "Assign",
        "Reassign",
        "Request information",
        "Follow up",
    ):
        log.step(activity)
    log.step("Work")
    log.step("Ask supplier")
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
            do("Ask supplier", "C", "dan", 300, 60)
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


def cases(instances: list[dict[str, Any]]) -> Iterator[tuple[str, int, date, int, int]]:
    """Template (and place), number of the instance, day, numerator, denominator."""
    starts = defaultdict(list)
    for one in instances:
        starts[one["requester"]].append(one["start"])
    for number, one in enumerate(instances):
        events, start, end = one["events"], one["start"], one["end"]

        def count(
            template: str, day: date, top: int, bottom: int = 1, number: int = number
        ) -> tuple[str, int, date, int, int]:
            return template, number, day, int(top), bottom

        names = Counter(event.activity for event in events)
        assigned = [e for e in events if e.activity in ("Assign", "Reassign")]
        if one["state"] != "cancelled":
            yield count("T04", local(assigned[0].end), assigned[0].end - start)
            is_met = end is not None and end <= one["due"]
            yield count("T05", local(one["due"]), is_met)
            is_same = end is not None and local(end) == local(start)
            yield count("T06", local(start), is_same)
            for event in events:
                spent = event.end - event.start
                yield count(f"T03.{event.activity}", local(event.end), spent)
            for event, following in itertools.pairwise(events):
                place = f"T02.{event.activity}--{following.activity}"
                yield count(place, local(following.end), following.start - event.end)
        if end is None:
            continue
        day = local(end)
        yield count("T23", day, one["state"] == "cancelled")
        yield count("T14", day, one["outcome"] == "rejected")
        if one["state"] == "cancelled":
            continue
        again = names["Work"] > 1 or names["Approve"] > 1 or names["Follow up"] > 1
        yield count("T01", day, end - start)
        yield count("T15", day, end - start)
        yield count("T07", day, not again and one["outcome"] != "rejected")
        yield count("T09", day, len(assigned) == 1)
        units = [event.unit for event in events]
        yield count("T10", day, sum(a != b for a, b in itertools.pairwise(units)))
        yield count("T11", day, names["Ask supplier"] > 0)
        yield count("T12", day, names["Request information"] == 0)
        gaps = [
            b.end - a.end
            for a, b in itertools.pairwise(events)
            if b.activity == "Approve"
        ]
        yield count("T13", day, sum(gaps))
        work = sum(event.end - event.start for event in events)
        yield count("T17", day, work, end - start)
        yield count("T18", day, names["Receive"], len(events))
        later = [s for s in starts[one["requester"]] if s > end]
        yield count("T19", day, any(s <= end + 30 * 86400 for s in later))
        if one["score"] is not None:
            yield count("T20", day, 100 * one["score"])
        yield count("T21", day, one["outcome"] == "rejected")
        yield count("T24", day, one["cost"])
        for activity, times in names.items():
            yield count(f"T08.{activity}", day, times > 1)


def counted(instances: list[dict[str, Any]]) -> Days:
    """Template (and place) to day to numerator, denominator and subjects."""
    days: Days = defaultdict(lambda: defaultdict(lambda: (0, 0, 0)))

    def count(template: str, day: date, top: int, bottom: int, subjects: int) -> None:
        was = days[template][day]
        days[template][day] = (was[0] + top, was[1] + bottom, was[2] + subjects)

    for template, _, day, top, bottom in cases(instances):
        is_rate = MEASURES[template[:3]]["measure_type"] == "rate"
        count(template, day, top, bottom, bottom if is_rate else 1)
    for one in instances:
        if one["state"] == "cancelled":
            continue
        if one["state"] == "closed":
            count("T22", local(one["end"]), 1, 0, 1)
        for event in one["events"]:
            if event.activity == "Follow up":
                count("T25", local(event.end), 1, 0, 1)
        first = local(one["start"])
        last = date(2026, 1, 1) if one["end"] is None else local(one["end"])
        for day in range((last - first).days + 1):
            count("T25", first + timedelta(days=day), 0, 1, 0)
    return days


def within(days: Days, template: str, begin: date, until: date) -> tuple[int, int, int]:
    """Sums over a period."""
    rows = [row for day, row in days[template].items() if begin <= day < until]
    top, bottom, subjects = map(sum, zip(*rows, strict=True)) if rows else (0, 0, 0)
    return top, bottom + (template == "T22"), subjects


def overdue(instances: list[dict[str, Any]], until: date) -> tuple[int, int]:
    """Open at the end of the day before: those older than most become, and all."""
    closed = [one for one in instances if one["state"] == "closed"]
    leads = [one["end"] - one["start"] for one in closed]
    limit = int(numpy.ceil(numpy.quantile(leads, 0.85)))
    there = [
        one["start"]
        for one in instances
        if one["state"] != "cancelled"
        and local(one["start"]) < until
        and not (one["end"] is not None and local(one["end"]) < until)
    ]
    return sum(local(start + limit) < until for start in there), len(there)


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
    """T02, T03 and T08 at each place that the log calls for."""
    days = counted(drawing[1])
    periods = Counter()
    for name, _, begin, until, top, bottom, subjects in recorded(desk.rows):
        if name not in ("T15", "T16"):
            expected = within(days, name, begin, until)
            assert (top, bottom, subjects) == expected, (name, begin)
        periods[name] += 1
    assert min(periods.values()) >= 12
    wanted = {f"T{n:02}" for n in range(1, 26)} - {"T02", "T03", "T08"}
    assert wanted <= {*periods, "T10", "T17"}, "templates that this log calls for"
    assert {name[:3] for name in periods if "." in name} == {"T02", "T03", "T08"}


def test_what_comes_after_the_end_assigns_and_asks_no_more(desk) -> None:
    (query,) = desk.compiled(
        "int_kpi_candidate_facts", as_of="2026-06-30 18:00:00"
    ).values()
    counts = "sum(assignments), sum(requests), count(assigned_on)"
    with desk.connect() as connection:

        def facts() -> tuple[int, ...]:
            sql = f"select {counts} from ({query})"
            return connection.execute(sql).fetchone()

        def visits(*activities: str) -> int:
            sql = "select sum(visits) from int_discovery_visits "
            sql += "where list_contains(?, activity_code)"
            return connection.execute(sql, [activities]).fetchone()[0]

        once, again = visits("Assign"), visits("Reassign")
        asked = visits("Request information")
        assert facts() == (once + again, asked, once)
        connection.execute("begin")
        connection.execute(
            "update fct_discovered_steps set is_after_end = true "
            "where activity_code in ('Reassign', 'Request information')"
        )
        assert facts() == (once, 0, once)
        connection.execute("rollback")


def test_the_slowest_tenth_and_what_is_overdue(desk, drawing) -> None:
    leads = [case for case in cases(drawing[1]) if case[0] == "T15"]
    seen = set()
    for name, _, begin, until, top, bottom, _ in recorded(desk.rows):
        if name == "T15":
            inside = [lead for _, _, day, lead, _ in leads if begin <= day < until]
            assert abs(top - numpy.quantile(inside, 0.9)) <= 0.5
            assert bottom == 1
        elif name == "T16":
            assert (top, bottom) == overdue(drawing[1], until)
        else:
            continue
        seen.add(name)
    assert seen == {"T15", "T16"}


Rows = Callable[[str], list[tuple[Any, ...]]]


def recorded(rows: Rows) -> list[tuple[Any, ...]]:
    """Name, grain, period, numerator, denominator and n of each closed period."""
    return rows(
        f"select replace(candidate_id, '{DESK}.', ''), period_grain, period_start, "
        "period_end, numerator, denominator, n from fct_kpi_candidate_values "
        f"where process_code = '{DESK}' order by all"
    )


# ------------------------------------------------------------------ scores

PARTS = ("impact", "reliability", "control", "outcome", "dispersion", "signal")
WEIGHTS = dict(zip(PARTS, (0.30, 0.20, 0.15, 0.15, 0.10, 0.10), strict=True))


def ratio(top: float, bottom: float) -> float:
    return min(max(top / bottom, 0.0), 1.0)


def scored(
    instances: list[dict[str, Any]], name: str, periods: list[tuple[int, int, int]]
) -> dict[str, float | None]:
    """The parts of the score of a candidate, from what was drawn and its periods."""
    template = name[:3]
    measure = MEASURES[template]
    closed = {n: one for n, one in enumerate(instances) if one["state"] == "closed"}
    leads = {n: one["end"] - one["start"] for n, one in closed.items()}
    own = [case[1:] for case in cases(instances) if case[0] == name]
    tops, bottoms = Counter(), Counter()
    for number, _, top, bottom in own:
        if number in closed:
            tops[number] += top
            bottoms[number] += bottom
    values = {number: top / bottoms[number] for number, top in tops.items()}
    total = sum(leads.values())

    impact: float | None = None
    affected: set[int] = set()
    if measure["kind"] == "outcome":
        impact = 1.0
    elif template in ("T02", "T03", "T04", "T13"):
        impact = ratio(sum(tops.values()), total)
    elif template == "T17":
        impact = 1 - sum(tops.values()) / sum(bottoms.values())
    elif template == "T09":
        affected = {number for number, value in values.items() if value < 1}
    elif template == "T10":
        usual = numpy.median(list(values.values()))
        affected = {number for number, value in values.items() if value > usual}
    elif template == "T11":
        affected = {number for number, value in values.items() if value > 0}
    if affected:
        slow = numpy.mean([leads[number] for number in affected])
        usual = numpy.mean([leads[n] for n in values if n not in affected])
        impact = ratio(len(affected) * (slow - usual), total)

    # Counts and stocks are of the log as a whole: nothing can be missing.
    reliability = 1.0
    if own:
        first, last = (edge(day for _, day, *_ in own) for edge in (min, max))
        ended_then = [n for n, o in closed.items() if first <= local(o["end"]) <= last]
        reliability = ratio(len(values), len(ended_then))

    elsewhere = sum(
        b.end - a.end
        for one in closed.values()
        for a, b in itertools.pairwise(one["events"])
        if a.activity == "Ask supplier"
    )
    place = name[4:].split("--")[0]
    control = float(place != "Ask supplier") if place else 1 - elsewhere / total

    known = []
    bad = {
        n: o["end"] > o["due"] or o["outcome"] == "rejected" for n, o in closed.items()
    }
    for kind, ends in (("lead", leads), ("bad_end", bad)):
        pairs = [(value, ends[number]) for number, value in values.items()]
        varied = pairs and all(len(set(side)) > 1 for side in zip(*pairs, strict=True))
        if varied and measure["derived_from"] != kind:
            rho = abs(spearmanr(*zip(*pairs, strict=True)).statistic)
            known.append(rho if rho * (len(pairs) - 1) ** 0.5 >= 3 else 0.0)

    figures = [top / bottom for top, bottom, _ in periods if bottom]
    if measure["measure_type"] == "rate":
        mean = sum(row[0] for row in periods) / sum(row[1] for row in periods)
        dispersion = 4 * mean * (1 - mean)
    else:
        spread = [top / bottom for _, _, top, bottom in own] or figures
        p50, p85 = numpy.quantile(spread, (0.5, 0.85))
        dispersion = 1 - p50 / p85 if p85 else None
    least = {"rate": N_MIN["n_min_rate"], "count": 1, "amount": 1}.get(
        measure["measure_type"], N_MIN["n_min_other"]
    )
    signal = numpy.mean([subjects >= least for *_, subjects in periods])
    return {
        "impact": impact,
        "reliability": reliability,
        "control": control,
        "outcome": max(known, default=None),
        "dispersion": dispersion,
        "signal": float(signal) if len(set(figures)) > 1 else 0.0,
    }


def check_scores(rows: Rows, instances: list[dict[str, Any]]) -> None:
    """Every part of every score, and the mean of those that are known."""
    periods = defaultdict(list)
    for name, _, _, _, *parts in recorded(rows):
        periods[name].append(tuple(parts))
    found = rows(
        f"select replace(candidate_id, '{DESK}.', ''), {', '.join(PARTS)}, score "
        f"from int_kpi_candidate_scores where process_code = '{DESK}' "
        "and score is not null"
    )
    assert {row[0] for row in found} == set(periods)
    seen = defaultdict(set)
    for name, *parts, score in found:
        expected = scored(instances, name, periods[name])
        for part, value in zip(PARTS, parts, strict=True):
            seen[part].add(value)
            if expected[part] is None:
                assert value is None, (name, part)
            else:
                assert value == pytest.approx(expected[part], abs=1e-6), (name, part)
        known = [part for part in PARTS if expected[part] is not None]
        mean = sum(WEIGHTS[part] * expected[part] for part in known)
        mean /= sum(WEIGHTS[part] for part in known)
        assert score == pytest.approx(mean, abs=1e-6), name
    # Each part tells candidates apart, and unknown parts occur.
    assert all(len(values) > 1 for values in seen.values())
    assert None in seen["impact"] | seen["outcome"]


def test_each_part_of_a_score_is_what_was_drawn(desk, drawing) -> None:
    check_scores(desk.rows, drawing[1])


# ------------------------------------------------------------------ choices


def check_choices(rows: Rows) -> None:
    """Pairs by scipy; then down by score: twins, counter-metrics and gaps."""
    directions = {code: row["direction"] for code, row in MEASURES.items()}
    series = defaultdict(dict)
    for name, grain, begin, _, top, bottom, _ in recorded(rows):
        if bottom:
            sign = -1 if directions[name[:3]] == "lower" else 1
            series[name, grain][begin] = sign * top / bottom
    rho = {}
    for (one, grain), (other, same) in itertools.combinations(sorted(series), 2):
        common = sorted(set(series[one, grain]) & set(series[other, same]))
        if grain != same or len(common) < 2:
            continue
        changes = [
            numpy.diff([series[name, grain][begin] for begin in common])
            for name in (one, other)
        ]
        if all(len(set(change)) > 1 for change in changes):
            value = spearmanr(*changes).statistic
            rho[frozenset((one, other))] = (value, len(common))
    found = rows(
        f"select replace(candidate_id, '{DESK}.', ''), "
        f"replace(other_candidate_id, '{DESK}.', ''), rho, periods "
        f"from fct_kpi_candidate_pairs where process_code = '{DESK}' "
        "and rho is not null"
    )
    assert {frozenset(row[:2]) for row in found} == set(rho)
    for one, other, value, periods in found:
        expected, common = rho[frozenset((one, other))]
        assert (value, periods) == (pytest.approx(expected, abs=1e-6), common)

    choices = rows(
        f"select replace(candidate_id, '{DESK}.', ''), status, "
        f"replace(redundant_with_id, '{DESK}.', ''), "
        f"replace(counter_id, '{DESK}.', ''), counter_gap from fct_kpi_candidates "
        f"where process_code = '{DESK}' and score is not null "
        "order by score desc, candidate_id"
    )
    kept, twins = [], {}
    for name, *_ in choices:
        for one in kept:
            value, periods = rho.get(frozenset((one, name)), (0, 0))
            is_alike = abs(value) >= 0.85 and periods >= 12
            if is_alike and not holds(one, name) and not holds(name, one):
                twins[name] = one
                break
        else:
            kept.append(name)
    ranked = [*kept, *twins]
    for name, status, twin, counter, gap in choices:
        assert twin == twins.get(name)
        assert status == ("redundant" if name in twins else "candidate")
        assert counter == next((one for one in ranked if holds(one, name)), None), name
        needs = {MEASURES[one]["needs"] for one in COUNTERS[name[:3]]} - {""}
        expected = None if counter else "|".join(sorted(needs)) or None
        assert gap == expected, name
    assert twins, "nothing to tell apart"


def test_twins_and_counters_are_found_walking_down_by_score(desk) -> None:
    check_choices(desk.rows)


def chosen(
    rho: float, periods: int, codes: str = "T11 T12", places: str = "- -"
) -> tuple[list, list]:
    """What is redundant and what the counter-metrics are, of candidates drawn by hand.

    The first has the higher score; the pair has this correlation.
    """
    group = [
        {
            "candidate_id": code,
            "template_code": code,
            "counters": "|".join(COUNTERS[code]),
            "from_activity_code": None if place == "-" else place,
            "to_activity_code": None,
            "family": "quality",
            "kind": "outcome",
            "score": 0.9 - number / 10,
        }
        for number, (code, place) in enumerate(
            zip(codes.split(), places.split(), strict=True)
        )
    ]
    likeness = {frozenset(codes.split()): {"rho": rho, "periods": periods}}
    figures = {"redundant_rho": 0.85, "redundant_periods": 12, "core_pool": 30}
    figures |= {"core_min": 2, "core_max": 3, "core_penalty": 0.5}
    found = CHOICES.choices(group, likeness, figures)
    return (
        [row["redundant_with_id"] for row in found],
        [row["counter_id"] for row in found],
    )


@pytest.mark.parametrize(
    ("given", "twins", "counters"),
    [
        ((0.85, 12), [None, "T11"], [None, None]),
        ((-0.85, 12), [None, "T11"], [None, None]),
        ((0.8499, 12), [None, None], [None, None]),
        ((0.99, 11), [None, None], [None, None]),
        # Lead time holds the return share in check, so both are kept.
        ((0.99, 12, "T01 T11"), [None, None], [None, "T01"]),
        ((0.99, 12, "T11 T01"), [None, None], ["T01", None]),
        # Rework of a step holds the wait for this step in check, and for no other.
        ((0.99, 12, "T08 T03", "check check"), [None, None], ["T03", None]),
        ((0.99, 12, "T08 T03", "check pack"), [None, "T08"], [None, None]),
    ],
)
def test_what_is_redundant_by_hand(given: tuple, twins: list, counters: list) -> None:
    assert chosen(*given) == (twins, counters)


# ------------------------------------------------------------------ planted defects

CHAIN = (
    "int_kpi_candidate_ends",
    "int_kpi_candidate_scores",
    "fct_kpi_candidate_pairs",
)
# What a bug would do to the query of which model.
BUGS = {
    "everybody is affected by a return": (
        *("int_kpi_candidate_ends", "then valued.value > 0", "then valued.value >= 0"),
    ),
    "handovers above none": (
        *("int_kpi_candidate_ends", "> usual_handovers.value", "> 0"),
    ),
    "any correlation is evidence": (
        *("int_kpi_candidate_ends", ">= figures.outcome_evidence", ">= 0"),
    ),
    "a figure explained by itself": (
        *("int_kpi_candidate_ends", "<> 'lead'", "<> 'none'"),
    ),
    "missing figures are no matter": (
        "int_kpi_candidate_scores",
        "1.0 * ends.instances / nullif(covered.instances, 0)",
        "cast(1 as double)",
    ),
    "others never have it": (
        "int_kpi_candidate_scores",
        "1.0 * processes.external_seconds",
        "0.0 * processes.external_seconds",
    ),
    "another quantile": ("int_kpi_candidate_scores", "0.85", "0.95"),
    "a rate that varies with its mean": (
        *("int_kpi_candidate_scores", "4 * periods.mean * (1 - periods.mean)", "1.0"),
    ),
    "a thin period is as good": (
        *("int_kpi_candidate_scores", "periods.n >= case", "0 <= case"),
    ),
    "what is unknown counts as nothing": (
        "int_kpi_candidate_scores",
        "when outcome_score is null then 0",
        "when outcome_score < 0 then 0",
    ),
    "levels instead of changes": (
        "fct_kpi_candidate_pairs",
        "one.goodness - lag(one.goodness) over common",
        "one.goodness",
    ),
    "ties by chance": (
        "fct_kpi_candidate_pairs",
        "corr(change_rank, other_rank)",
        "corr(change_rank, change_rank)",
    ),
}


@pytest.fixture(scope="module")
def compiled(desk: Warehouse) -> dict[str, str]:
    """The query of each model that a bug is planted in."""
    return desk.compiled(*CHAIN, as_of="2026-06-30 18:00:00")


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_in_a_model_does_not_pass(desk, compiled, drawing, bug: str) -> None:
    model, right, wrong = BUGS[bug]
    queries = dict(compiled)
    assert right in queries[model]
    queries[model] = queries[model].replace(right, wrong)
    with desk.connect() as connection:

        def rows(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        connection.execute("begin")
        for name, query in queries.items():
            connection.execute(f"create or replace table {name} as {query}")
        check = (
            check_choices
            if "pairs" in model
            else partial(check_scores, instances=drawing[1])
        )
        with pytest.raises(AssertionError):
            check(rows)
        connection.execute("rollback")


# ------------------------------------------------------------------ core and sentences


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


def test_each_number_in_a_sentence_is_a_column(desk) -> None:
    check_sentences(desk.rows)


def test_ids_stay_when_the_log_grows(desk, drawing, empty, tmp_path) -> None:
    """Two weeks less of the same log have the same candidates by the same names."""
    shorter = Log(DESK, map=drawing[0].map)
    known = (WEEKS - 2) * EACH
    shorter.instances = drawing[0].instances[:known]
    names = {one["process_instance_id"] for one in shorter.instances}
    shorter.rows = [row for row in drawing[0].rows if row[1] in names]
    earlier = copy_warehouse(empty.path, tmp_path)
    mine(earlier, [shorter])
    query = "select candidate_id from fct_kpi_candidates order by candidate_id"
    assert set(earlier.rows(query)) == set(desk.rows(query))
