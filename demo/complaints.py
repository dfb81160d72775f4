"""Complaint handling: from the first contact to the customer's acceptance.

The simulated events of the service desk, what of them is exported when, and the five
complaint KPIs counted from either.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from demo import writers
from demo.clock import (
    DAY,
    END,
    FAR,
    NONE,
    WARM_UP,
    daily_spans,
    moment,
    month_index,
)
from demo.delivery import Feed, into_files, span_files
from demo.truth import (
    ALWAYS,
    HOURS,
    MINUTES,
    OPEN,
    PERCENT,
    UNDECIDED,
    Judge,
    Kpi,
    Tally,
    alerts,
    finding,
    targets,
)
from demo.world import Process, World, arrivals, choose, lognormal, shares

TYPES = [
    *("received", "classified", "assigned", "reassigned", "handling_started"),
    *("handled", "feedback_sent", "accepted", "reopened", "withdrawn"),
    *("archived", "qa_error"),
]
CODE = {name: number for number, name in enumerate(TYPES)}
CATEGORIES = ["产品质量", "物流配送", "安装使用", "服务态度"]
SEGMENTS = [*CATEGORIES, "unknown"]
UNKNOWN = len(CATEGORIES)
DEPARTMENTS = ["quality", "fulfilment", "service"]
CHANNELS = ["phone", "web", "chat"]
REASONS = [
    *("wrong_department", "wrong_handler", "load_balance"),
    *("wrong_solution", "missed_step", "not_solved", "customer_withdrew"),
]
WRONG = (0, 1)
COLUMNS = {
    "time": np.int64,
    "deadline": np.int64,
    **dict.fromkeys(("case", "customer", "duplicate_of"), np.int32),
    **dict.fromkeys(("type", "channel", "category", "department", "reason"), np.int8),
    **dict.fromkeys(("product", "handler"), np.int16),
}
"""Events have many columns and few values."""
LAUNCH = moment(2025, 10, 9)
REPAIR = moment(2026, 2, 16)
PRODUCTS = 60

KPIS = [
    Kpi(
        "complaints.resolution_hours",
        HOURS,
        targets=targets(-1, (ALWAYS, 72)),
        alarm=96,
    ),
    Kpi(
        "complaints.repeat_rate_pct",
        PERCENT,
        targets=targets(-1, (ALWAYS, 8)),
        alarm=10,
    ),
    Kpi(
        "complaints.dispatch_minutes",
        MINUTES,
        targets=targets(-1, (ALWAYS, 60)),
        alarm=90,
    ),
    Kpi(
        "complaints.dispatch_accuracy_pct",
        PERCENT,
        targets=targets(1, (ALWAYS, 97)),
        alarm=94,
    ),
    Kpi(
        "complaints.handling_error_rate_pct",
        PERCENT,
        targets=targets(-1, (ALWAYS, 3)),
        alarm=5,
    ),
]


def simulate(world: World) -> pd.DataFrame:
    """All events of all complaints received from the warm-up on."""
    rng = world.random("complaints")
    service = world.calendars["service"]
    cases = _receive(world, rng)
    n = len(cases)
    received = cases["received"].to_numpy()
    month = month_index(received // DAY)
    dispatch_on = (received >= LAUNCH) & world.has("PL2")
    faulty = dispatch_on & (received < REPAIR)

    group = month * 4 + dispatch_on + 2 * faulty
    names, group = np.unique(group, return_inverse=True)
    raw = lognormal(rng, n, 0.6)
    mean = np.where(names % 2 == 1, 45.0, 75.0)
    mean = mean * (1 + 0.01 * rng.normal(size=len(names)))
    mean = mean / (np.bincount(group, raw) / np.bincount(group))
    # A hand-over to a handler within a minute would need no dispatcher.
    minutes = np.maximum(1, raw * mean[group])
    begun = service.worked(received)
    assigned = service.at(begun + (minutes * 60).astype(np.int64))
    classified = service.at(
        begun + (minutes * 60 * rng.uniform(0.1, 0.6, n)).astype(np.int64)
    )
    length = lognormal(rng, n, 0.55, 25 * 3_600)
    worked = service.worked(assigned)

    def at(part: np.ndarray | float) -> np.ndarray:
        return service.at(worked + np.floor(length * part).astype(np.int64) + 60)

    ill = np.bincount(group, faulty) > 0
    wrong = shares(rng, group, np.where(ill, 0.099, 0.0262))
    moved = np.where(wrong, rng.integers(0, 2, n), NONE)
    moved[shares(rng, group, 0.02, where=~wrong)] = 2
    error = shares(rng, group, np.where(ill, 0.07, 0.02))
    withdrawn = shares(rng, month, 0.02)
    reopened = shares(rng, month, 0.04, where=~withdrawn)

    department = rng.integers(0, 3, n)
    handler = rng.integers(1, 25, n)
    fallback = (department + 1 + rng.integers(0, 2, n)) % 3
    accepted = at(1.0)
    left = service.at(worked + (length * rng.uniform(0.1, 0.7, n)).astype(np.int64))
    stop = np.where(withdrawn, left, FAR)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}

    def log(name: str, where: np.ndarray, at: np.ndarray, **columns: object) -> None:
        where = np.flatnonzero(where & ((at < stop) | (name == "withdrawn")))
        size = len(where)
        known = {"case": where, "time": np.asarray(at)[where]}
        known["type"] = np.full(size, CODE[name])
        for column, value in columns.items():
            known[column] = np.broadcast_to(value, n)[where]
        for column, kind in COLUMNS.items():
            value = known.get(column, np.full(size, NONE))
            parts[column].append(np.asarray(value, dtype=kind))

    every = np.ones(n, dtype=bool)
    log(
        "received",
        every,
        received,
        customer=cases["customer"],
        product=cases["product"],
        channel=cases["channel"],
    )
    log(
        "classified",
        every,
        classified,
        category=cases["category"],
        duplicate_of=cases["duplicate_of"],
    )
    deadline = np.where(rng.random(n) < 0.99, assigned + 3 * DAY, NONE)
    log(
        "assigned",
        every,
        assigned,
        department=department,
        handler=handler,
        deadline=deadline,
    )
    log(
        "reassigned",
        moved >= 0,
        at(0.12),
        department=np.where(moved == 0, fallback, department),
        handler=handler % 24 + 1,
        deadline=deadline,
        reason=moved,
    )
    log("handling_started", every, at(0.25), handler=handler)
    log("handled", every, at(0.7), handler=handler)
    log("feedback_sent", every, at(0.8))
    log("accepted", every, accepted)
    log(
        "qa_error",
        error,
        at(0.7) + rng.integers(DAY // 4, 12 * DAY, n),
        reason=3 + rng.integers(0, 2, n),
    )
    again = accepted + rng.integers(DAY // 4, 13 * DAY, n)
    again = service.at(service.worked(again))
    second = service.worked(again)
    log("reopened", reopened, again, reason=5)
    log("handling_started", reopened, service.at(second + 3_600), handler=handler)
    log("handled", reopened, service.at(second + 5 * 3_600), handler=handler)
    log("feedback_sent", reopened, service.at(second + 6 * 3_600))
    final = service.at(second + rng.integers(8 * 3_600, 30 * 3_600, n))
    log("accepted", reopened, final)
    closed = np.where(reopened, final, accepted)
    log("archived", every, service.at(service.worked(closed) + 8 * 3_600))
    log("withdrawn", withdrawn, left, reason=6)
    events = pd.DataFrame({name: np.concatenate(parts.pop(name)) for name in COLUMNS})
    events = events.sort_values(
        ["time", "case", "type"], kind="stable", ignore_index=True
    )
    events["id"] = np.arange(len(events)) + 1
    return events


def _receive(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Complaints with their repeats and duplicates, in order of receipt.

    They go on beyond the last export: whether June's customers complain again shows
    in July.
    """
    day = arrivals(rng, np.arange(WARM_UP, END + 40), 7.45 * world.scale)
    n = len(day)
    base = pd.DataFrame(
        {
            "received": day * DAY + rng.integers(9 * 3_600, 21 * 3_600, n),
            "customer": rng.integers(1, 1 + round(1_500 * max(1, world.scale)), n),
            "product": rng.integers(1, PRODUCTS + 1, n),
            "category": rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1]),
        }
    )
    every = [base]
    last = base
    # Who is not helped complains again; the repeat may be repeated.
    for _ in range(3):
        back = shares(rng, month_index(last["received"].to_numpy() // DAY), 0.062)
        last = last[back].copy()
        day = last["received"].to_numpy() // DAY + rng.integers(7, 31, len(last))
        last["received"] = day * DAY + rng.integers(9 * 3_600, 21 * 3_600, len(day))
        every.append(last)
    cases = pd.concat(every, ignore_index=True)
    cases["duplicate_of"] = NONE
    cases["origin"] = np.arange(len(cases))
    twice = choose(rng, np.ones(len(cases), dtype=bool), round(0.015 * len(cases)))
    copies = cases.iloc[twice].copy()
    copies["received"] += rng.integers(600, 3 * 3_600, len(copies))
    copies["duplicate_of"] = twice
    copies["origin"] = NONE
    cases = pd.concat([cases, copies], ignore_index=True)
    clock = cases["received"] % DAY
    cases.loc[clock >= 21 * 3_600, "received"] -= 3 * 3_600
    cases = cases[cases["received"] < (END + 40) * DAY]
    cases = cases.sort_values("received", kind="stable", ignore_index=True)
    place = np.full(int(cases["origin"].max()) + 1, NONE)
    known = cases["origin"] >= 0
    place[cases.loc[known, "origin"]] = np.flatnonzero(known)
    again = cases["duplicate_of"] >= 0
    cases.loc[again, "duplicate_of"] = place[cases.loc[again, "duplicate_of"]]
    cases["channel"] = rng.choice(3, len(cases), p=[0.6, 0.25, 0.15])
    return cases.drop(columns="origin")


# --- what is exported -----------------------------------------------------------


def _feed(world: World, rng: np.random.Generator, events: pd.DataFrame) -> Feed:
    rows = events.copy()
    first = rows["type"] == CODE["received"]
    rows["nameless"] = first & (rng.random(len(rows)) < 0.02)
    rows.loc[rows["nameless"], "customer"] = NONE
    rows["late"] = rng.random(len(rows)) < 0.005
    delay = np.where(rows["late"], rng.integers(DAY, 3 * DAY, len(rows)), 0)
    rows = into_files(rows, rows["time"].to_numpy() + delay, daily_spans())
    files = span_files("helpdesk/complaints_{}.jsonl", daily_spans())
    return Feed("helpdesk.complaint_events", files, rows, _bytes)


def _time(at: pd.Series) -> pa.Array:
    text = writers.stamps(at.to_numpy(), "{y}-{m:02d}-{d:02d}T", "{h:02d}:{m:02d}", ":")
    return pc.binary_join_element_wise(text, "+08:00", "")


def _bytes(rows: pd.DataFrame, _file: object) -> bytes:
    number = rows["case"].to_numpy() + 1
    twin = rows["duplicate_of"].to_numpy()
    columns = {
        "event_id": writers.padded("HE", rows["id"], 9),
        "complaint_no": writers.padded("TS", number, 8),
        "event_type": writers.pick(TYPES, rows["type"]),
        "event_time": _time(rows["time"]),
        "deadline": _time(rows["deadline"]),
        "customer_id": writers.padded("C", rows["customer"], 5),
        "product_code": writers.padded("P", rows["product"], 4),
        "category": writers.pick(CATEGORIES, rows["category"]),
        "department": writers.pick(DEPARTMENTS, rows["department"]),
        "handler_id": writers.padded("E", _staff(rows["handler"], 200), 4),
        "reason": writers.pick(REASONS, rows["reason"]),
        "channel": writers.pick(CHANNELS, rows["channel"]),
        "duplicate_of": writers.padded("TS", np.where(twin < 0, -1, twin + 1), 8),
    }
    return writers.jsonl_bytes(list(columns), list(columns.values()))


def _staff(number: pd.Series, offset: int) -> np.ndarray:
    number = number.to_numpy()
    return np.where(number < 0, -1, number + offset)


# --- what is counted ------------------------------------------------------------


def count(events: pd.DataFrame, size: int, service, now: int) -> Tally:
    """All complaint KPIs from events; `now` is the covered-until moment."""
    events = events[events["time"] < now]
    events = events.sort_values(["time", "type", "id"], kind="stable")
    case, kind = events["case"].to_numpy(), events["type"].to_numpy()
    time = events["time"].to_numpy()
    fact = SimpleNamespace()

    def extreme(name: str, newest: bool) -> np.ndarray:
        inside = kind == CODE[name]
        found = np.full(size, NONE if newest else FAR)
        combine = np.maximum if newest else np.minimum
        combine.at(found, case[inside], time[inside])
        return np.where(found == FAR, NONE, found)

    def attribute(name: str) -> np.ndarray:
        values = events[name].to_numpy()
        known = values >= 0
        found = np.full(size, NONE)
        # Reversed, so that the first known value is written last.
        found[case[known][::-1]] = values[known][::-1]
        return found

    for name in ("received", "assigned", "handled", "qa_error"):
        setattr(fact, name, extreme(name, newest=False))
    for name in ("accepted", "reopened", "archived", "withdrawn"):
        setattr(fact, name, extreme(name, newest=True))
    later = np.zeros(size, dtype=bool)
    for name in (
        *("reassigned", "handling_started", "handled", "feedback_sent"),
        *("accepted", "archived"),
    ):
        later |= extreme(name, newest=True) >= 0
    told = extreme("feedback_sent", newest=True) >= 0
    first = np.full(size, FAR)
    np.minimum.at(first, case, time)
    known = first < FAR
    start = np.where(fact.received >= 0, fact.received, first)
    category = attribute("category")
    segment = np.where(category >= 0, category, UNKNOWN)
    customer, product = attribute("customer"), attribute("product")
    duplicate = attribute("duplicate_of") >= 0
    withdrawn = fact.withdrawn >= 0
    resolved = (fact.accepted >= 0) & (fact.reopened <= fact.accepted)
    ended = np.where(resolved, fact.accepted, NONE)
    lost = ~resolved & (fact.archived >= 0) & (fact.archived > fact.reopened)
    tally = Tally(SEGMENTS)

    judge = Judge(tally, size, now)
    judge.exclude("withdrawn", withdrawn)
    judge.exclude("duplicate_case", duplicate)
    judge.exclude("missing_milestone", (fact.received < 0) | lost)
    judge.exclude("reversed_clock", resolved & (ended < fact.received))
    judge.set(OPEN, ~resolved)
    judge.add(
        "complaints.resolution_hours",
        *(segment, ended, start, ended - fact.received),
        scope=known,
    )

    judge = Judge(tally, size, now)
    judge.exclude("withdrawn", withdrawn)
    judge.exclude("unknown_customer", customer < 0)
    judge.set(UNDECIDED, now < ended + 30 * DAY)
    again = _followed(fact.received, ended, customer, product, category, duplicate)
    judge.add(
        "complaints.repeat_rate_pct",
        *(segment, ended, start, again),
        scope=known & resolved,
    )

    judge = Judge(tally, size, now)
    judge.exclude("withdrawn", withdrawn)
    unassigned = fact.assigned < 0
    judge.exclude("missing_milestone", (fact.received < 0) | (unassigned & later))
    judge.exclude("reversed_clock", ~unassigned & (fact.assigned < fact.received))
    judge.set(OPEN, unassigned)
    took = service.between(fact.received, fact.assigned)
    judge.add(
        "complaints.dispatch_minutes",
        *(segment, fact.assigned, start, took),
        scope=known,
    )

    judge = Judge(tally, size, now)
    judge.exclude("withdrawn", withdrawn)
    unhandled = fact.handled < 0
    passed = told | (fact.accepted >= 0) | (fact.archived >= 0)
    judge.exclude("missing_milestone", unhandled & passed)
    judge.set(OPEN, unhandled)
    error = (fact.qa_error >= 0) & (fact.qa_error <= fact.handled + 14 * DAY)
    judge.add(
        "complaints.handling_error_rate_pct",
        *(segment, fact.handled, start, error),
        scope=known,
    )

    # Assignments, each ended by the next one of its complaint.
    assigns = events[np.isin(kind, (CODE["assigned"], CODE["reassigned"]))]
    assigns = assigns.sort_values(["case", "time", "type", "id"], kind="stable")
    whose = assigns["case"].to_numpy()
    follows = np.append(whose[1:] == whose[:-1], False)
    cause = np.append(assigns["reason"].to_numpy()[1:], NONE)
    moved = np.append(assigns["type"].to_numpy()[1:] == CODE["reassigned"], False)
    wrong = follows & moved & np.isin(cause, WRONG)
    judge = Judge(tally, len(assigns), now)
    judge.exclude("withdrawn", withdrawn[whose])
    judge.set(UNDECIDED, ~(follows & moved) & ~resolved[whose])
    at = assigns["time"].to_numpy()
    judge.add(
        "complaints.dispatch_accuracy_pct",
        *(segment[whose], at, at, ~wrong),
    )
    return tally


def _followed(
    received: np.ndarray,
    ended: np.ndarray,
    customer: np.ndarray,
    product: np.ndarray,
    category: np.ndarray,
    duplicate: np.ndarray,
) -> np.ndarray:
    """Whether a new complaint of the same matter came within 30 days of the end."""
    matter = (customer * 1_000 + product) * 10 + category
    named = (customer >= 0) & (product >= 0) & (category >= 0)
    fresh = named & ~duplicate & (received >= 0)
    # One sorted number per matter and moment, so that one search finds the next.
    span = 1 << 32
    keys = np.sort(matter[fresh] * span + received[fresh])
    own = matter * span + ended
    place = np.searchsorted(keys, own, side="right")
    following = np.append(keys, np.iinfo(np.int64).max)[place]
    return named & (ended >= 0) & (following <= own + 30 * DAY)


# --- the process ----------------------------------------------------------------


def build(world: World) -> Process:
    """Simulate complaint handling and prepare its export and its truth."""
    events = simulate(world)
    feed = _feed(world, world.random("complaints.exports"), events)
    size = int(events["case"].max()) + 1
    service = world.calendars["service"]

    def seen(as_of: int) -> Tally:
        now = min(feed.covered_until(as_of), as_of)
        return count(feed.in_force(as_of), size, service, now)

    rows = feed.rows
    return Process(
        feeds=[feed],
        kpis=KPIS,
        actual=lambda: count(events, size, service, int(FAR)),
        seen=seen,
        findings=lambda _: _findings(world),
        dirt=[
            {"id": "D3", "export": feed.export, "rows": int(rows["late"].sum())},
            {"id": "D6", "export": feed.export, "rows": int(rows["nameless"].sum())},
        ],
        state=events,
    )


def _findings(world: World) -> list[dict]:
    if not world.has("PL2"):
        return []
    return [
        finding(
            "PL2",
            "verify",
            "complaints.dispatch_minutes",
            counter="complaints.handling_error_rate_pct",
            intervention="auto_dispatch",
            as_of="2026-01-31",
            verdict="traded_off",
            proposal="complaints.dispatch_accuracy_pct to core",
        ),
        alerts("PL2", "complaints.dispatch_accuracy_pct", "2025-10", "2026-02"),
        alerts("PL2", "complaints.handling_error_rate_pct", "2025-10", "2026-02"),
        alerts("PL2", "complaints.dispatch_minutes", "2025-01", "2025-09"),
    ]
