"""Product quality: inspection of lots, and what customers send back.

The simulated inspections of the factory, what of them is exported when, and the two
quality KPIs; the return rate is counted from the orders and their delivery scans.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa

from demo import orders, writers
from demo.clock import (
    DAY,
    END,
    FAR,
    NONE,
    WARM_UP,
    moment,
    month_index,
    month_of,
    month_spans,
)
from demo.delivery import Feed, File, into_files, span_files
from demo.truth import (
    ALWAYS,
    PERCENT,
    UNDECIDED,
    Judge,
    Kpi,
    Tally,
    alerts,
    finding,
    targets,
)
from demo.world import Process, World, arrivals, lognormal, shares

SEGMENTS = orders.SEGMENTS
LAMPS = 0
LOT_TYPES = ["normal", "trial"]
TRIAL = 1
CATEGORIES_OF_LINE = np.array([[0, 0, 1], [1, 2, 2], [3, 3, 0]])
CLOCK_FAST = (moment(2025, 8, 11), moment(2025, 8, 23), 7 * 60)
"""Line 3: from, until, seconds ahead."""
WINDOW = 30 * DAY

YIELD = Kpi(
    "quality.first_pass_yield_pct",
    PERCENT,
    targets=targets(1, (ALWAYS, 98)),
    alarm=97,
)
RETURNS = Kpi(
    "quality.return_rate_pct", PERCENT, targets=targets(-1, (ALWAYS, 5)), alarm=5
)


def simulate(world: World) -> pd.DataFrame:
    """All inspections of all lots from the warm-up on."""
    rng = world.random("quality")
    office = world.calendars["office"]
    days = np.arange(WARM_UP, END)
    day = arrivals(rng, days[office.is_open_day(days)], 15 * world.scale)
    n = len(day)
    line = rng.integers(1, 4, n)
    units = np.maximum(50, np.rint(lognormal(rng, n, 0.4, 420))).astype(np.int64)
    lots = pd.DataFrame(
        {
            "at": np.sort(day * DAY + rng.integers(9 * 3_600, 59_400, n)),
            "line": line,
            "category": CATEGORIES_OF_LINE[line - 1, rng.integers(0, 3, n)],
            "type": shares(rng, month_index(day), 0.03).astype(np.int64),
            "units": units,
            "inspector": rng.integers(1, 9, n),
        }
    )
    failed = _failures(world, rng, lots)
    lots["number"] = np.arange(n) - np.searchsorted(day, day) + 1
    lots["lot"], lots["day"] = np.arange(n), day
    # A lot with more than a few failed units is reworked and inspected again.
    rounds, sent = [], lots.assign(inspection=1, failed=failed)
    while len(sent):
        back = (sent["failed"] > 0.03 * sent["units"]) & (sent["inspection"] < 3)
        scrapped = ~back & (sent["failed"] > 0.03 * sent["units"])
        released = sent["at"] + rng.integers(600, 7_200, len(sent))
        sent["released"] = np.where(back | scrapped, NONE, released)
        rounds.append(sent)
        sent = sent[back].copy()
        lag = rng.integers(1, 4, len(sent))
        day = office.days[np.searchsorted(office.days, sent["at"] // DAY) + lag]
        sent["at"] = day * DAY + rng.integers(9 * 3_600, 59_400, len(sent))
        sent["units"] = sent["failed"]
        rest = rng.binomial(sent["units"], 0.015)
        sent["failed"], sent["inspection"] = rest, sent["inspection"] + 1
    events = pd.concat(rounds, ignore_index=True)
    return events.sort_values(["at", "lot"], kind="stable", ignore_index=True)


def _failures(world: World, rng: np.random.Generator, lots: pd.DataFrame) -> np.ndarray:
    """Units failed at the first inspection: 1.6 % a month, in August 2025 2.7 %."""
    units, category = lots["units"].to_numpy(), lots["category"].to_numpy()
    month = month_index(lots["at"] // DAY)
    names, group = np.unique(month, return_inverse=True)
    judged = units * (lots["type"].to_numpy() != TRIAL)
    raw = lognormal(rng, len(lots), 0.7)
    level = 0.016 * (1 + 0.03 * rng.normal(size=len(names)))
    expected = raw * (level / (np.bincount(group, raw * judged)))[group]
    expected *= np.bincount(group, judged)[group]
    if world.has("PL6"):
        inside = month == month_of(2025, 8)
        lamps = inside & (category == LAMPS)
        # The excess of the whole month lies in the lamps.
        excess = 0.027 * judged[inside].sum() - (expected * judged)[inside].sum()
        expected[lamps] *= 1 + excess / (expected * judged)[lamps].sum()
    failed = np.floor(expected * units + rng.random(len(lots))).astype(np.int64)
    return np.minimum(failed, units)


# --- what is exported -----------------------------------------------------------


def _feed(events: pd.DataFrame) -> Feed:
    since, until, ahead = CLOCK_FAST
    at = events["at"].to_numpy()
    skewed = (events["line"] == 3).to_numpy() & (at >= since) & (at < until)
    rows = events.assign(
        skewed=skewed,
        at=at + ahead * skewed,
        released=events["released"] + ahead * (skewed & (events["released"] >= 0)),
    )
    spans = month_spans()
    rows = into_files(rows, rows["at"].to_numpy(), spans)
    files = span_files("mes/inspections_{}.parquet", spans)
    return Feed("mes.inspections", files, rows, _bytes)


def _local(at: pd.Series) -> pa.Array:
    at = at.to_numpy()
    return pa.array(at * 1_000_000, mask=at < 0).cast(pa.timestamp("us"))


def _bytes(rows: pd.DataFrame, _file: File) -> bytes:
    day = writers.days(rows["day"].to_numpy(), "L{y}{m:02d}{d:02d}-")
    return writers.parquet_bytes(
        {
            "lot_no": writers.padded(day, rows["number"], 4),
            "line": pa.array(rows["line"], pa.int32()),
            "category": writers.pick(orders.CATEGORIES, rows["category"]),
            "inspection_no": pa.array(rows["inspection"], pa.int32()),
            "inspected_at": _local(rows["at"]),
            "units_submitted": pa.array(rows["units"], pa.int32()),
            "units_passed": pa.array(rows["units"] - rows["failed"], pa.int32()),
            "lot_type": writers.pick(LOT_TYPES, rows["type"]),
            "released_at": _local(rows["released"]),
            "inspector_id": writers.padded("E", rows["inspector"] + 300, 4),
        }
    )


# --- what is counted ------------------------------------------------------------


def count_yield(tally: Tally, events: pd.DataFrame, now: int) -> None:
    """First pass yield: one subject per lot, from its inspection number 1."""
    events = events[events["at"] < now].sort_values(["at", "lot"], kind="stable")
    lots = events.drop_duplicates("lot")
    first = events[events["inspection"] == 1].set_index("lot")
    first = first.reindex(lots["lot"])
    known = first["at"].notna().to_numpy()
    at = np.where(known, first["at"], NONE).astype(np.int64)
    units = np.where(known, first["units"], 0).astype(np.int64)
    failed = np.where(known, first["failed"], 0).astype(np.int64)
    judge = Judge(tally, len(lots), now)
    judge.exclude("trial_lot", (lots["type"] == TRIAL).to_numpy())
    judge.exclude("missing_milestone", ~known)
    segment, seen = lots["category"].to_numpy(), lots["at"].to_numpy()
    judge.add(YIELD.code, segment, at, seen, units - failed, units)


def count_returns(tally: Tally, fact: SimpleNamespace, now: int) -> None:
    """Return rate: one subject per order that reached the customer's door."""
    at, back, refused = fact.delivered, fact.returned, fact.refused
    reached = np.where(at >= 0, at, np.where(refused >= 0, refused, back))
    judge = Judge(tally, len(at), now)
    judge.exclude("test_record", fact.test)
    judge.exclude("refused_at_door", refused >= 0)
    judge.exclude("missing_milestone", at < 0)
    judge.exclude("reversed_clock", (back >= 0) & (back < at))
    judge.set(UNDECIDED, now < at + WINDOW)
    returned = (back >= 0) & (back <= at + WINDOW)
    scope = (reached >= 0) & (reached < now)
    judge.add(RETURNS.code, fact.category, at, reached, returned, scope=scope)


# --- the process ----------------------------------------------------------------


def build(world: World, process: Process) -> Process:
    """Simulate inspections; `process` is the built order process."""
    sold, feeds = process.state.orders, process.state.feeds
    events = simulate(world)
    feed = _feed(events)

    def tally(events: pd.DataFrame, fact: SimpleNamespace, *now: int) -> Tally:
        found = Tally(SEGMENTS)
        count_yield(found, events, now[0])
        count_returns(found, fact, now[1])
        return found

    def seen(as_of: int) -> Tally:
        used = (feeds["erp.orders"], feeds["carrier.shipments"])
        now = min(as_of, *(one.covered_until(as_of) for one in used))
        fact = orders.seen_facts(sold, feeds, as_of)
        covered = min(as_of, feed.covered_until(as_of))
        return tally(feed.in_force(as_of), fact, covered, now)

    return Process(
        feeds=[feed],
        kpis=[YIELD, RETURNS],
        actual=lambda: tally(events, orders.true_facts(sold), int(FAR), int(FAR)),
        seen=seen,
        findings=lambda kpis: _findings(world, sold.returns, kpis),
        absent=lambda _: _absent(world, sold.returns),
        dirt=[
            {
                "id": "D8",
                "export": feed.export,
                "rows": int(feed.rows["skewed"].sum()),
            }
        ],
        state=events,
    )


def _findings(world: World, returns: dict, kpis: dict) -> list[dict]:
    if not world.has("PL6"):
        return []
    n, back = returns[month_of(2025, 9)]
    return [
        finding(
            "PL6",
            "alarm",
            RETURNS.code,
            window=["2025-09"],
            verdict="confirmed",
            task="quality",
            contributor=orders.CATEGORIES[LAMPS],
            range=[back, n],
        ),
        finding(
            "PL6",
            "target",
            YIELD.code,
            window=["2025-08"],
            verdict={
                label: cells["all"]["met"]
                for label, cells in kpis[YIELD.code]["month"].items()
                if label == "2025-08"
            },
        ),
        alerts("PL6", RETURNS.code, "2025-09", "2025-09"),
        alerts("PL6", YIELD.code, "2025-08", "2025-08"),
    ]


def _absent(world: World, returns: dict) -> list[dict]:
    if not world.has("PL7"):
        return []
    n, back = returns[month_of(2026, 3)]
    return [
        {
            "plant": "PL7",
            "rule": "alarm",
            "kpi": RETURNS.code,
            "window": ["2026-03"],
            "verdict": "possible",
            "range": [back, n],
        }
    ]
