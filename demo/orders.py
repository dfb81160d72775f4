"""Order processing: from receipt to carrier scan, survey and return.

The simulated state of the ERP orders, warehouse picks, carrier scans and delivery
surveys, what of it is exported when, and the eight order KPIs counted from either.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    START,
    UTC_OFFSET,
    WARM_UP,
    daily_spans,
    iso,
    moment,
    month_index,
    month_of,
    month_spans,
)
from demo.delivery import (
    QUARANTINED,
    Feed,
    File,
    as_known,
    delta_rows,
    into_files,
    newest,
    repeat_rows,
    span_files,
)
from demo.truth import (
    ALWAYS,
    COUNTED,
    EXCLUDED,
    MINUTES,
    OPEN,
    PERCENT,
    UNDECIDED,
    Judge,
    Kpi,
    Tally,
    alerts,
    evidence_count,
    finding,
    targets,
    values,
)
from demo.world import Process, World, arrivals, choose, lognormal, shares

CATEGORIES = ["灯具", "厨具", "收纳", "家纺"]
SEGMENTS = [*CATEGORIES, "unknown"]
UNKNOWN = len(CATEGORIES)
MISSPELT = len(CATEGORIES)
CHANNELS = ["dealer", "key_account", "web", "test"]
TEST = 3
WAREHOUSES = ["WH1", "WH2", "ＷＨ１", "ＷＨ２"]
REDISPATCH = ["dispatch_error", "load_balance"]
CORRECTION = ["entry_error", "customer_change"]
HOLDS = ["backorder", "credit_hold", "future_dated"]
RETURNS = ["quality", "changed_mind", "damaged", "exchange", "wrong_item"]
QUALITY, WRONG_ITEM = 0, 4
PICK_ERRORS = ["wrong_item", "wrong_quantity", "damaged"]
EVENTS = ["accepted", "delivered", "refused", "exception"]
ACCEPTED, DELIVERED, REFUSED, EXCEPTION = range(4)
HUBS = ["H1", "H2", "H3", "H4"]
COMMENTS = ["很快", "包装完好", "物流一般", "安装方便", "客服耐心"]

CUTOFF = 15 * 3_600
LAUNCH = moment(2026, 3, 1)
SETTLED = moment(2026, 3, 15)
SEASON = {6: 1.22, 11: 1.3, 2: 0.93, 12: 1.02}


KPIS = [
    Kpi(
        "orders.info_accuracy_pct",
        PERCENT,
        targets=targets(1, (ALWAYS, 98)),
        alarm=96,
    ),
    Kpi(
        "orders.dispatch_minutes",
        MINUTES,
        targets=targets(-1, (ALWAYS, 30), ("2026-03", 15)),
        alarm=45,
    ),
    Kpi(
        "orders.dispatch_accuracy_pct",
        PERCENT,
        targets=targets(1, (ALWAYS, 99)),
        alarm=98,
    ),
    Kpi(
        "orders.processing_minutes",
        MINUTES,
        targets=targets(-1, (ALWAYS, 120), ("2026-01", 100)),
        alarm=120,
    ),
    Kpi(
        "orders.pick_accuracy_pct",
        PERCENT,
        targets=targets(1, (ALWAYS, "99.5")),
        alarm=99,
    ),
    Kpi(
        "orders.same_day_ship_pct",
        PERCENT,
        targets=targets(1, (ALWAYS, 95)),
        alarm=90,
    ),
    Kpi(
        "orders.same_day_ship_eligible_pct",
        PERCENT,
        targets=targets(1, (ALWAYS, 98)),
        alarm=95,
    ),
    Kpi(
        "orders.delivery_satisfaction_score",
        targets=targets(1, (ALWAYS, "4.5")),
        alarm=4.2,
    ),
]
SOURCES = {
    "orders.info_accuracy_pct": ("erp.orders", "carrier.shipments"),
    "orders.dispatch_minutes": ("erp.orders",),
    "orders.dispatch_accuracy_pct": ("erp.orders", "carrier.shipments"),
    "orders.processing_minutes": ("erp.orders", "carrier.shipments"),
    "orders.pick_accuracy_pct": ("wms.picks", "erp.orders"),
    "orders.same_day_ship_pct": ("carrier.shipments", "erp.orders"),
    "orders.same_day_ship_eligible_pct": ("carrier.shipments", "erp.orders"),
    "orders.delivery_satisfaction_score": ("survey.delivery",),
}


# --- what happens ---------------------------------------------------------------


@dataclass
class State:
    """Everything that happened, one entry per order, line, scan or answer."""

    orders: pd.DataFrame
    lines: pd.DataFrame
    scans: pd.DataFrame
    answers: pd.DataFrame
    returns: dict
    """Delivery month → delivered orders and returns within 30 days."""


def simulate(world: World) -> State:
    """Orders received from the warm-up to the end of June 2026, all the way through."""
    rng = world.random("orders")
    warehouse = world.calendars["warehouse"]
    orders = _receive(world, rng)
    _dispatch_and_ship(world, rng, orders)
    lines = _pick(rng, warehouse, orders)
    parcels, scans = _carry(world, rng, orders)
    returns = _return(world, rng, orders)
    answers = _survey(world, rng, orders)
    del parcels
    return State(orders, lines, scans, answers, returns)


def _receive(world: World, rng: np.random.Generator) -> pd.DataFrame:
    warehouse = world.calendars["warehouse"]
    days = np.arange(WARM_UP, END)
    days = days[warehouse.is_open_day(days)]
    months = month_index(days)
    usual = np.where(days >= day_number_of(2026), 66.0, 58.0)
    season = np.array([SEASON.get(int(month) % 12 + 1, 0.955) for month in months])
    day = arrivals(rng, days, usual * season * world.scale)
    n = len(day)
    month = month_index(day)
    late_share = 0.05
    if not world.has("PL8"):
        # Without a constant share after cut-off the two same-day KPIs part ways.
        names = np.unique(month)
        late_share = dict(zip(names, rng.uniform(0.02, 0.12, len(names)), strict=True))
    late = shares(rng, month, late_share, noise=0.0)
    minute = np.where(
        late, rng.integers(900, 1_050, n), rng.integers(480, 900, n)
    ).astype(np.int64)
    order = np.lexsort((minute, day))
    day, minute = day[order], minute[order]
    category = rng.choice(4, n, p=[0.3, 0.28, 0.24, 0.18])
    orders = pd.DataFrame(
        {
            "received": day * DAY + minute * 60,
            "customer": rng.integers(1, 1_501, n),
            "channel": rng.choice(3, n, p=[0.45, 0.2, 0.35]),
            "category": category,
            "warehouse": rng.choice(2, n, p=[0.6, 0.4]),
            "amount": np.round(lognormal(rng, n, 1.4, 180_000)).astype(np.int64) + 990,
        }
    )
    first = np.concatenate([[0], np.flatnonzero(np.diff(day)) + 1])
    orders["number"] = np.arange(n) - np.repeat(first, np.diff([*first, n])) + 1
    month = month_index(day)
    hold = np.full(n, NONE)
    free = np.ones(n, dtype=bool)
    for code, share in enumerate((0.005, 0.003, 0.002)):
        held = shares(rng, month, share, where=free)
        hold[held] = code
        free &= ~held
    cancels = shares(rng, month, 0.015, where=free)
    free &= ~cancels
    exported = free & (day >= START)
    tests = choose(rng, exported, world.count(20))
    free[tests] = False
    orders.loc[tests, "channel"] = TEST
    orders["hold"], orders["cancels"] = hold, cancels
    # Twins: equal in every column of the ERP export but the order number.
    alone = free & np.append(free[1:] & (np.diff(day) == 0), False)
    alone[1::2] = False
    firsts = choose(rng, alone & (day >= START), world.count(30))
    twin = np.full(n, NONE)
    twin[firsts + 1] = firsts
    same = ["received", "customer", "channel", "category", "warehouse", "amount"]
    orders.loc[firsts + 1, same] = orders.loc[firsts, same].to_numpy()
    plain = np.ones(n, dtype=bool)
    plain[firsts] = plain[firsts + 1] = False
    orders["twin"], orders["plain"] = twin, plain
    return orders


def day_number_of(year: int) -> int:
    """Day number of 1 January."""
    return moment(year, 1, 1) // DAY


def _levels(world: World, rng: np.random.Generator, month: int) -> tuple[float, float]:
    """Mean dispatch and processing minutes of a month, March 2026 apart."""
    dispatch = 26 * (1 + rng.normal() * 0.008)
    if month >= month_of(2026, 1) or not world.has("PL10"):
        processing = 112 + rng.uniform(-0.8, 0.8)
    else:
        processing = rng.uniform(115.0, 118.8)
    if world.has("PL12") and month in (month_of(2025, 6), month_of(2025, 11)):
        processing = 128.0 if month == month_of(2025, 6) else 134.0
    return dispatch, processing


def _dispatch_and_ship(
    world: World, rng: np.random.Generator, orders: pd.DataFrame
) -> None:
    warehouse = world.calendars["warehouse"]
    n = len(orders)
    received = orders["received"].to_numpy()
    hold = orders["hold"].to_numpy()
    begun = warehouse.worked(received)
    month = month_index(received // DAY)
    launched = (received >= LAUNCH) & world.has("PL1")

    # March 2026 has two levels: half of the gain comes after two weeks.
    group = month * 2 + ((received >= SETTLED) & (month == month_of(2026, 3)))
    groups, group = np.unique(group, return_inverse=True)
    dispatch_mean = np.empty(len(groups))
    process_mean = np.empty(len(groups))
    for number, key in enumerate(groups):
        dispatch_mean[number], process_mean[number] = _levels(world, rng, key // 2)
        if world.has("PL1") and key // 2 >= month_of(2026, 3):
            early = key == month_of(2026, 3) * 2
            dispatch_mean[number] *= (18.0 if early else 13.5) / 26
            process_mean[number] -= 9.0 if early else 14.0

    free = (hold < 0) & ~orders["cancels"].to_numpy()
    raw = lognormal(rng, n, 0.5)
    mean = np.bincount(group, raw * free) / np.bincount(group, free)
    minutes = np.maximum(1, np.rint(raw * (dispatch_mean / mean)[group]))
    waits = rng.integers(600, 3_000, n)
    minutes += np.where(hold >= 1, waits, 0)
    twin = orders["twin"].to_numpy()
    minutes = np.where(twin >= 0, minutes[np.maximum(twin, 0)], minutes).astype(int)
    dispatched = warehouse.at(begun + minutes * 60)
    left = warehouse.closing(received // DAY)
    left = warehouse.worked(left) - warehouse.worked(dispatched)
    shipped_today = left >= 600  # time enough for the evening truck

    rest = lognormal(rng, n, 0.46)
    stock = np.where(hold == 0, rng.integers(600, 3_600, n) * 60, 0)
    missing = _missed_shares(world, rng, month)
    rank, truck = rng.random(n), rng.random(n) < 0.85
    early_bird, evening = rng.integers(1_800, 3_000, n), rng.integers(0, 3_540, n)
    eligible = free & (received % DAY < CUTOFF)
    level = (process_mean - dispatch_mean) * 60
    judged = free & (orders["channel"].to_numpy() != TEST)
    for _ in range(7):
        ready = begun + minutes * 60 + (rest * level[group]).astype(np.int64) + stock
        shipped = warehouse.at(ready)
        same_day = shipped // DAY == received // DAY
        by_truck = launched & free & ~same_day & shipped_today & truck
        close = warehouse.closing(received // DAY)
        shipped = np.where(by_truck, close + evening, shipped)
        missed = np.zeros(n, dtype=bool)
        for one, share in missing.items():
            inside = eligible & (month == one)
            count = round(share * inside.sum())
            pool = np.flatnonzero(inside & same_day)
            missed[pool[np.argsort(rank[pool], kind="stable")[:count]]] = True
        morning = warehouse.opening(warehouse.next_day(received // DAY))
        shipped = np.where(missed, morning + early_bird, shipped)
        took = warehouse.worked(shipped) - begun
        mean = np.bincount(group, took * judged) / np.bincount(group, judged) / 60
        level = np.maximum(level + (process_mean - mean) * 60, 600)
    available = np.where(
        by_truck,
        np.maximum(left - 60, 300),
        ready - warehouse.worked(dispatched),
    )

    part = rng.uniform(0.1, 0.9, n)
    cancelled = warehouse.at(begun + (part * (ready - begun)).astype(np.int64))
    cancelled = np.maximum(cancelled // 60 * 60, received + 60)
    cancels = orders["cancels"].to_numpy()
    checked = warehouse.at(begun + (minutes * 2 // 5) * 60)
    plain = orders["plain"].to_numpy() & free
    correction = np.full(n, NONE)
    # Far within its target, or around it.
    entry_errors = 0.006 if world.has("PL9") else 0.02
    correction[shares(rng, month, entry_errors, where=plain)] = 0
    correction[shares(rng, month, 0.015, where=plain & (correction < 0))] = 1
    real = plain & (orders["channel"].to_numpy() != TEST)
    moved = np.full(n, NONE)
    moved[shares(rng, month, 0.005, where=real, noise=0.3)] = 0
    moved[shares(rng, month, 0.01, where=real & (moved < 0))] = 1
    again = warehouse.at(
        warehouse.worked(dispatched) + (available * rng.uniform(0.03, 0.12, n)) // 1
    )
    settled = (received // DAY + rng.integers(2, 21, n)) * DAY + 79_200
    settled += rng.integers(0, 60, n) * 60
    settled = np.where(twin >= 0, settled[np.maximum(twin, 0)], settled)
    stopped = cancels | (orders["channel"].to_numpy() == TEST)
    # Orders that left before the exports begin are no longer in flight.
    quiet = stopped | (shipped < START * DAY)

    orders["month"] = month
    orders["checked"] = np.where(cancels & (checked > cancelled), NONE, checked)
    orders["dispatched"] = np.where(
        cancels & (dispatched > cancelled), NONE, dispatched
    )
    orders["correction"] = correction
    orders["corrected"] = np.where(correction >= 0, checked + 60, NONE)
    orders["moved"] = moved
    orders["redispatched"] = np.where(moved >= 0, again // 60 * 60, NONE)
    orders["cancelled"] = np.where(cancels, cancelled, NONE)
    orders["settled"] = np.where(quiet, NONE, settled)
    orders["shipped"] = np.where(stopped, NONE, shipped)
    orders["available"] = available
    orders["missed"] = missed & ~stopped


def _missed_shares(
    world: World, rng: np.random.Generator, month: np.ndarray
) -> dict[int, float]:
    """Share of eligible orders that the pick-up leaves behind, per month."""
    first, launch = month_of(2025, 1), month_of(2026, 3)
    spread = 0.01 + 0.08 * np.linspace(0, 1, launch - first) ** 1.6
    spread = rng.permutation(spread)
    later = rng.permutation(0.01 + 0.08 * np.linspace(0, 1, 4) ** 1.6)
    found = {}
    for one in np.unique(month):
        if not world.has("PL8") or one < first:
            found[one] = 0.04
        elif one < launch:
            found[one] = spread[one - first]
        else:
            found[one] = later[one - launch]
        if one >= launch and world.has("PL1"):
            found[one] = 0.008
    return found


def _pick(rng: np.random.Generator, warehouse, orders: pd.DataFrame) -> pd.DataFrame:
    reached = (orders["dispatched"] >= 0) & (orders["channel"] != TEST)
    count = np.minimum(1 + rng.poisson(0.9, len(orders)), 8)
    count = np.where(reached, count, 0)
    order = np.repeat(np.arange(len(orders)), count)
    total = count[order]
    line = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    begun = warehouse.worked(orders["dispatched"].to_numpy())[order]
    available = orders["available"].to_numpy()[order]

    def at(part: np.ndarray | float) -> np.ndarray:
        return warehouse.at(begun + np.floor(available * part).astype(np.int64))

    slot = 0.4 / total
    start = at(0.15 + slot * line)
    end = at(0.15 + slot * (line + rng.uniform(0.5, 0.95, len(order))))
    rechecked, packed = at(0.62 + 0.05 * (line + 1) / total), at(0.8)
    wrong = shares(
        rng,
        orders["month"].to_numpy(),
        0.0030,
        where=(orders["plain"] & reached & ~orders["cancels"]).to_numpy(),
        noise=0.3,
    )
    bad = wrong[order] & (line == 0)
    lines = pd.DataFrame(
        {
            "order": order,
            "line": line + 1,
            "sku": rng.integers(1, 240, len(order)),
            "category": orders["category"].to_numpy()[order],
            "picker": rng.integers(1, 13, len(order)),
            "start": start,
            "end": end,
            "rechecked": rechecked,
            "result": bad.astype(int),
            "error": np.where(bad, rng.integers(0, 3, len(order)), NONE),
            "packed": packed,
        }
    )
    cancelled = orders["cancelled"].to_numpy()[order]
    kept = (cancelled < 0) | (packed <= cancelled)
    return lines[kept].reset_index(drop=True)


def _carry(
    world: World, rng: np.random.Generator, orders: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    sent = np.flatnonzero(orders["shipped"].to_numpy() >= 0)
    split = sent[rng.random(len(sent)) < 0.02]
    shipped = orders["shipped"].to_numpy()
    parcels = pd.DataFrame(
        {
            "order": np.concatenate([sent, split]),
            "accepted": np.concatenate(
                [shipped[sent], shipped[split] - rng.integers(20, 400, len(split))]
            ),
        }
    )
    # A parcel scanned before the rest of its order is still scanned that day.
    parcels["accepted"] = np.maximum(
        parcels["accepted"], shipped[parcels["order"]] // DAY * DAY + 8 * 3_600
    )
    # Door and day are the order's: its parcels travel together.
    n = len(orders)
    launched = (orders["received"].to_numpy() >= LAUNCH) & world.has("PL1")
    lag = np.where(
        launched,
        rng.choice([1, 2, 3], n, p=[0.9, 0.08, 0.02]),
        rng.choice([1, 2, 3, 4], n, p=[0.25, 0.45, 0.22, 0.08]),
    )
    door = (shipped // DAY + lag) * DAY + rng.integers(9 * 3_600, 20 * 3_600, n)
    refuses = shares(rng, orders["month"].to_numpy(), 0.008, where=shipped >= 0)
    orders["delivered"] = np.where((shipped >= 0) & ~refuses, door, NONE)
    orders["refused"] = np.where((shipped >= 0) & refuses, door, NONE)
    hub = rng.choice(4, n, p=[0.4, 0.25, 0.2, 0.15])
    odd = rng.random(len(parcels)) < 0.012
    parcels = parcels.sort_values("accepted", kind="stable", ignore_index=True)
    parcels["waybill"] = np.arange(len(parcels)) + 1
    whose = parcels["order"].to_numpy()
    accepted = parcels["accepted"].to_numpy()
    between = accepted + ((door[whose] - accepted) * 0.6).astype(np.int64)
    scans = pd.concat(
        [
            parcels.assign(event=ACCEPTED, time=accepted),
            parcels.assign(
                event=np.where(refuses[whose], REFUSED, DELIVERED), time=door[whose]
            ),
            parcels.assign(event=EXCEPTION, time=between)[odd],
        ],
        ignore_index=True,
    )[["waybill", "order", "event", "time"]]
    scans["hub"] = hub[scans["order"]]
    scans = scans.sort_values(["time", "waybill"], kind="stable", ignore_index=True)
    scans["id"] = np.arange(len(scans)) + 1
    return parcels, scans


def _return(world: World, rng: np.random.Generator, orders: pd.DataFrame) -> dict:
    n = len(orders)
    delivered = orders["delivered"].to_numpy()
    month = np.where(delivered >= 0, month_index(delivered // DAY), NONE)
    able = (delivered >= 0) & orders["plain"].to_numpy()
    share = dict.fromkeys(np.unique(month), 0.038)
    back = shares(rng, month, share, where=able)
    reason = rng.choice(4, n, p=[0.36, 0.32, 0.2, 0.12])
    if world.has("PL6"):
        inside = month == month_of(2025, 9)
        excess = round(0.075 * inside.sum()) - int(back[inside].sum())
        lamps = able & inside & ~back & (orders["category"].to_numpy() == 0)
        more = choose(rng, lamps, excess)
        back[more], reason[more] = True, QUALITY
    counts = {}
    if world.has("PL7"):
        inside = (month == month_of(2026, 3)) & (delivered >= 0)
        size = int(inside.sum())
        aim = round((0.05 * size + evidence_count(size, 0.05)) / 2)
        gap = aim - int(back[inside].sum())
        if gap >= 0:
            back[choose(rng, able & inside & ~back, gap)] = True
        else:
            back[choose(rng, inside & back, -gap)] = False
    # One order in a thousand comes back because a wrong item was picked.
    picked = shares(
        rng, orders["month"].to_numpy(), 0.0010 / 0.038, where=back, noise=0.3
    )
    reason[picked] = WRONG_ITEM
    lag = np.minimum(1 + rng.gamma(2.0, 4.0, n).astype(np.int64), 28)
    at = (delivered // DAY + lag) * DAY + rng.integers(9 * 60, 20 * 60, n) * 60
    late = able & ~back & (rng.random(n) < 0.0015)
    at = np.where(late, at + 32 * DAY, at)
    for one in np.unique(month[month >= 0]):
        inside = month == one
        counts[int(one)] = (int(inside.sum()), int(back[inside].sum()))
    orders["returned"] = np.where(back | late, at, NONE)
    orders["return_reason"] = np.where(back | late, reason, NONE)
    return counts


def _survey(
    world: World, rng: np.random.Generator, orders: pd.DataFrame
) -> pd.DataFrame:
    delivered = orders["delivered"].to_numpy()
    month = np.where(delivered >= 0, month_index(delivered // DAY), NONE)
    asked = np.flatnonzero(shares(rng, month, 0.23, where=delivered >= 0))
    n = len(asked)
    answers = pd.DataFrame(
        {
            "order": asked,
            "day": delivered[asked] // DAY + rng.integers(1, 7, n),
            "score": rng.choice([5, 4, 3, 2, 1], n, p=[0.72, 0.215, 0.045, 0.01, 0.01]),
        }
    )
    answers.loc[rng.random(n) < 0.005, "score"] = 6
    twice = np.flatnonzero(rng.random(n) < 0.01)
    again = answers.iloc[twice].copy()
    again["day"] += rng.integers(0, 5, len(again))
    again["score"] = rng.integers(3, 6, len(again))
    answers = pd.concat([answers, again], ignore_index=True)
    answers["comment"] = np.where(
        rng.random(len(answers)) < 0.3, rng.integers(0, 5, len(answers)), NONE
    )
    answers["turn"] = np.arange(len(answers))
    answers = answers.sort_values(["day", "turn"], kind="stable", ignore_index=True)
    return answers.drop(columns="turn")


# --- what is exported -----------------------------------------------------------

_ERP_TIMES = (
    "received",
    "checked",
    "corrected",
    "dispatched",
    "redispatched",
    "cancelled",
    "returned",
    "settled",
)


_ERP_FOLLOWS = {
    "moved": "redispatched",
    "correction": "corrected",
    "hold": "checked",
    "return_reason": "returned",
}
_ERP_STATIC = ("customer", "channel", "warehouse", "category", "amount")


def _erp_cases(orders: pd.DataFrame) -> pd.DataFrame:
    return orders[[*_ERP_STATIC, *_ERP_TIMES, *_ERP_FOLLOWS]]


def _erp_feed(world: World, rng: np.random.Generator, state: State) -> Feed:
    orders, spans = state.orders, daily_spans()
    cases = _erp_cases(orders)
    rows = delta_rows(cases, _ERP_TIMES, _ERP_FOLLOWS, spans)
    current = len(rows)

    # An older version that comes in the file after the newest one.
    last = np.zeros(len(orders), dtype=np.int64) - 1
    last[rows["case"]] = rows["file"]
    old = (
        (last >= 0)
        & (last < len(spans) - 1)
        & (orders["checked"].to_numpy() >= START * DAY)
        & (orders["settled"].to_numpy() >= 0)
    )
    stale = choose(rng, old, world.count(40))
    checked = orders["checked"].to_numpy()[stale]
    older = as_known(cases, stale, checked + 1, _ERP_TIMES, _ERP_FOLLOWS)
    older = older.assign(file=last[stale] + 1, rejected=False, repeated=False)
    rows = pd.concat([rows, older], ignore_index=True)

    whose = rows["case"].to_numpy()
    sent = orders["shipped"].to_numpy() >= 0
    plain = orders["plain"].to_numpy()
    lost = shares(rng, orders["month"].to_numpy(), 0.003, where=sent & plain, noise=0.3)
    rows.loc[lost[whose], "dispatched"] = NONE
    early = choose(
        rng,
        sent & plain & ~lost & (orders["received"].to_numpy() >= START * DAY),
        world.count(12),
    )
    back = np.zeros(len(orders), dtype=np.int64)
    back[early] = rng.integers(3, 40, len(early)) * 60
    flip = (back[whose] > 0) & (rows["dispatched"] >= 0).to_numpy()
    rows.loc[flip, "dispatched"] = (rows["received"] - back[whose])[flip]

    n = len(rows)
    plain_row = plain[whose]
    lamp = (rows["category"].to_numpy() == 0) & plain_row
    rows.loc[lamp & (rng.random(n) < 0.02), "category"] = MISSPELT
    wide = plain_row & (rng.random(n) < 0.01)
    rows.loc[wide, "warehouse"] += 2
    rows["mark"] = np.where(rng.random(n) < 0.9, 0, rng.integers(1, 4, n))
    broken = choose(rng, plain_row, world.count(4))
    rows.loc[broken, "rejected"] = True
    rows["older"] = np.arange(n) >= current
    rows = rows.sort_values(["file", "updated", "case"], kind="stable")
    numbers = order_numbers(orders)
    return Feed(
        "erp.orders",
        span_files("erp/orders/orders_{}.csv", spans),
        rows.reset_index(drop=True),
        lambda part, _: _erp_bytes(part, numbers),
    )


def order_numbers(orders: pd.DataFrame) -> pa.Array:
    """Order numbers by position."""
    day = writers.days(orders["received"].to_numpy() // DAY, "{y}{m:02d}{d:02d}")
    return writers.padded(
        pc.binary_join_element_wise("SO", day, ""), orders["number"].to_numpy(), 5
    )


_ERP_HEADER = (
    "订单号 客户编号 渠道 接单时间 核对时间 分派完成时间 仓库 重新分派时间 "
    "重新分派原因 更正原因 挂起原因 品类 订单金额 取消时间 退货登记时间 退货原因 "
    "更新时间"
)


def _slash(at: pd.Series) -> pa.Array:
    return writers.stamps(at.to_numpy(), "{y}/{m}/{d} ", "{h}:{m:02d}")


def _erp_bytes(rows: pd.DataFrame, numbers: pa.Array) -> bytes:
    amount = writers.decimals(rows["amount"].to_numpy(), thousands=True)
    columns = [
        writers.pick(numbers, rows["case"]),
        writers.padded("C", rows["customer"], 5),
        writers.pick(CHANNELS, rows["channel"]),
        _slash(rows["received"]),
        _slash(rows["checked"]),
        _slash(rows["dispatched"]),
        writers.pick(WAREHOUSES, rows["warehouse"]),
        _slash(rows["redispatched"]),
        writers.pick(REDISPATCH, rows["moved"]),
        writers.pick(CORRECTION, rows["correction"]),
        writers.pick(HOLDS, rows["hold"]),
        writers.pick([*CATEGORIES, "灯俱"], rows["category"]),
        writers.instead(amount, "#REF!", rows["rejected"]),
        _slash(rows["cancelled"]),
        _slash(rows["returned"]),
        writers.pick(RETURNS, rows["return_reason"]),
        _slash(rows["updated"]),
    ]
    columns = writers.marked(columns, rows["mark"])
    return writers.csv_bytes(_ERP_HEADER.split(), columns, encoding="gb18030")


def _wms_feed(world: World, rng: np.random.Generator, state: State) -> Feed:
    spans = daily_spans()
    lines = state.lines.sort_values(
        ["packed", "order", "line"], kind="stable", ignore_index=True
    )
    rows = into_files(lines, lines["packed"].to_numpy(), spans)
    twice = np.flatnonzero(rng.random(len(rows)) < 0.005)
    rows = repeat_rows(rows, twice)
    files = span_files("wms/picks_{}.csv.gz", spans)
    if world.has("PL11"):
        bad = next(
            number for number, file in enumerate(files) if file.period == "20260624"
        )
        whole = rows["file"] == bad
        cut = rows[whole & ~rows["repeated"]]
        cut = cut.iloc[: round(0.31 * whole.sum())].copy()
        nameless = choose(rng, np.ones(len(cut), dtype=bool), round(0.38 * len(cut)))
        cut.iloc[nameless, cut.columns.get_loc("order")] = NONE
        rows.loc[whole, "file"] = len(files)
        rows = pd.concat([rows, cut], ignore_index=True)
        files[bad].verdict = QUARANTINED
        files.append(
            File(
                "wms/picks_20260624_r2.csv.gz",
                moment(2026, 6, 26, 1),
                files[bad].covers_until,
            )
        )
    numbers = order_numbers(state.orders)
    return Feed("wms.picks", files, rows, lambda part, _: _wms_bytes(part, numbers))


def _second(at: pd.Series) -> pa.Array:
    return writers.stamps(at.to_numpy(), "{y}-{m:02d}-{d:02d}T", "{h:02d}:{m:02d}", ":")


def _wms_bytes(rows: pd.DataFrame, numbers: pa.Array) -> bytes:
    columns = {
        "order_no": writers.pick(numbers, rows["order"]),
        "line_no": writers.numbers(rows["line"]),
        "sku": writers.padded("SKU", rows["sku"], 4),
        "category": writers.pick(CATEGORIES, rows["category"]),
        "picker_id": writers.padded("E", rows["picker"] + 100, 4),
        "pick_start": _second(rows["start"]),
        "pick_end": _second(rows["end"]),
        "recheck_at": _second(rows["rechecked"]),
        "recheck_result": writers.pick(["OK", "ERR"], rows["result"]),
        "error_type": writers.pick(PICK_ERRORS, rows["error"]),
        "packed_at": _second(rows["packed"]),
    }
    text = writers.csv_bytes(list(columns), list(columns.values()))
    return writers.gzip_bytes(text)


def _carrier_feed(world: World, rng: np.random.Generator, state: State) -> Feed:
    scans = state.scans.copy()
    true = scans["time"].to_numpy()
    delay = np.where(
        rng.random(len(scans)) < 0.02, rng.integers(DAY, 3 * DAY, len(scans)), 0
    )
    slow = (
        (scans["hub"] == 2)
        & (true >= moment(2025, 5, 12))
        & (true < moment(2025, 5, 15))
    ).to_numpy()
    scans["skewed"] = slow
    scans["late"] = delay > 0
    scans["time"] = np.where(slow, true - 40 * 60, true)
    rows = into_files(scans, true + delay, daily_spans())
    files = span_files("carrier/shipments_{}.jsonl", daily_spans())
    numbers = order_numbers(state.orders)
    return Feed(
        "carrier.shipments", files, rows, lambda part, _: _carrier_bytes(part, numbers)
    )


def _carrier_bytes(rows: pd.DataFrame, numbers: pa.Array) -> bytes:
    zulu = (rows["hub"] == 1).to_numpy()
    at = rows["time"].to_numpy() - np.where(zulu, UTC_OFFSET, 0)
    time = pc.binary_join_element_wise(
        _second(pd.Series(at)), writers.pick(["+08:00", "Z"], zulu), ""
    )
    columns = {
        "event_id": writers.padded("EV", rows["id"], 9),
        "waybill": writers.padded("YT", rows["waybill"], 10),
        "order_no": writers.pick(numbers, rows["order"]),
        "event": writers.pick(EVENTS, rows["event"]),
        "event_time": time,
        "hub": writers.pick(HUBS, rows["hub"]),
    }
    return writers.jsonl_bytes(list(columns), list(columns.values()))


def _survey_feed(world: World, rng: np.random.Generator, state: State) -> Feed:
    spans = month_spans(workbook=True)
    rows = into_files(state.answers, state.answers["day"].to_numpy() * DAY, spans)
    n = len(rows)
    rows.loc[rng.random(n) < 0.03, "order"] = NONE
    rows["as_text"] = rng.random(n) < 0.06
    rows["blank"] = rng.random(n) < 0.01
    numbers = order_numbers(state.orders)
    return Feed(
        "survey.delivery",
        span_files("survey/delivery_{}.xlsx", spans),
        rows,
        lambda part, _: _survey_bytes(part, numbers),
        drops_duplicates=False,
    )


def _survey_bytes(rows: pd.DataFrame, numbers: pa.Array) -> bytes:
    sheet: list[list[object]] = [["order_no", "answered_on", "score", "comment"]]
    names = writers.pick(numbers, rows["order"]).to_pylist()
    texts = writers.days(rows["day"].to_numpy()).to_pylist()
    dates = rows["day"].to_numpy().astype("datetime64[D]").tolist()
    said = writers.pick(COMMENTS, rows["comment"]).to_pylist()
    extras = zip(
        rows["score"].tolist(),
        rows["as_text"].tolist(),
        rows["blank"].tolist(),
        strict=True,
    )
    for number, (score, as_text, blank) in enumerate(extras):
        day = texts[number] if as_text else dates[number]
        sheet.append([names[number], day, score, said[number]])
        if blank:
            sheet.append([None, None, None, None])
    return writers.xlsx_bytes({"回访": sheet})


# --- what is counted ------------------------------------------------------------


def facts(
    size: int,
    erp: pd.DataFrame,
    picks: pd.DataFrame,
    scans: pd.DataFrame,
    answers: pd.DataFrame,
) -> SimpleNamespace:
    """What the rows say about each order: milestones, attributes, first known time."""
    known = newest(erp)
    fact = SimpleNamespace()
    for name in (
        *("received", "checked", "dispatched", "redispatched", "cancelled"),
        *("returned", "moved", "correction", "hold", "return_reason"),
        *("category", "channel"),
    ):
        column = np.full(size, NONE)
        column[known["case"]] = known[name]
        setattr(fact, name, column)
    fact.category = np.where(fact.category == MISSPELT, 0, fact.category)
    fact.category = np.where(fact.category < 0, UNKNOWN, fact.category)
    fact.test = fact.channel == TEST

    def latest(frame: pd.DataFrame, column: str) -> np.ndarray:
        found = np.full(size, NONE)
        np.maximum.at(found, frame["order"].to_numpy(), frame[column].to_numpy())
        return found

    for code, name in enumerate(EVENTS):
        setattr(fact, name, latest(scans[scans["event"] == code], "time"))
    fact.last_pick = latest(picks, "end")
    fact.pick_error = latest(picks, "result") == 1
    named = answers[answers["order"] >= 0]
    fact.answered = latest(named, "day") >= 0
    fact.has_left = fact.answered | (fact.returned >= 0)
    for name in EVENTS:
        fact.has_left |= getattr(fact, name) >= 0
    first = np.full(size, FAR)
    for name in ("received", "checked", "dispatched", "redispatched"):
        at = getattr(fact, name)
        first = np.where(at >= 0, np.minimum(first, at), first)
    for at in (fact.cancelled, fact.returned):
        first = np.where(at >= 0, np.minimum(first, at), first)
    np.minimum.at(first, scans["order"].to_numpy(), scans["time"].to_numpy())
    np.minimum.at(first, picks["order"].to_numpy(), picks["start"].to_numpy())
    np.minimum.at(first, named["order"].to_numpy(), named["day"].to_numpy() * DAY)
    fact.first = first
    return fact


class _OrderJudge(Judge):
    """States of one KPI over all orders."""

    def __init__(self, tally: Tally, fact: SimpleNamespace, now: int) -> None:
        super().__init__(tally, len(fact.first), now)
        self.fact = fact
        self.exclude("test_record", fact.test)
        self.exclude("cancelled", fact.cancelled >= 0)

    def hold(self, *codes: str) -> None:
        """Exclude orders held for these reasons."""
        for code in codes:
            self.exclude(code, self.fact.hold == HOLDS.index(code))

    def close(self, kpi: str, at: np.ndarray, num: np.ndarray) -> None:
        """Hand over; `at` is the assignment milestone, `NONE` where unknown."""
        fact = self.fact
        instead = np.where(fact.received >= 0, fact.received, fact.first)
        self.add(kpi, fact.category, at, instead, num, scope=fact.first < self.now)


def count(
    world: World,
    fact: SimpleNamespace,
    answers: pd.DataFrame,
    now: dict[str, int],
) -> Tally:
    """All order KPIs; `now` is the covered-until moment of each."""
    warehouse = world.calendars["warehouse"]
    tally = Tally(SEGMENTS)
    left = fact.has_left
    unreceived = fact.received < 0

    kpi = "orders.info_accuracy_pct"
    judge = _OrderJudge(tally, fact, now[kpi])
    judge.exclude("missing_milestone", unreceived)
    judge.set(UNDECIDED, ~left)
    judge.close(kpi, fact.received, fact.correction != 0)

    undispatched = fact.dispatched < 0
    later = (fact.redispatched >= 0) | (fact.last_pick >= 0) | left
    kpi = "orders.dispatch_minutes"
    judge = _OrderJudge(tally, fact, now[kpi])
    judge.hold("credit_hold", "future_dated")
    judge.exclude("missing_milestone", unreceived | (undispatched & later))
    judge.exclude("reversed_clock", ~undispatched & (fact.dispatched < fact.received))
    judge.set(OPEN, undispatched)
    took = warehouse.between(fact.received, fact.dispatched)
    judge.close(kpi, fact.dispatched, took)

    kpi = "orders.dispatch_accuracy_pct"
    judge = _OrderJudge(tally, fact, now[kpi])
    judge.exclude("missing_milestone", undispatched & later)
    judge.set(OPEN, undispatched)
    judge.set(UNDECIDED, ~left)
    judge.close(kpi, fact.dispatched, fact.moved != 0)

    unshipped = fact.accepted < 0
    kpi = "orders.processing_minutes"
    judge = _OrderJudge(tally, fact, now[kpi])
    judge.hold(*HOLDS)
    judge.exclude("missing_milestone", unreceived | (unshipped & left))
    judge.exclude("reversed_clock", ~unshipped & (fact.accepted < fact.received))
    judge.set(OPEN, unshipped)
    took = warehouse.between(fact.received, fact.accepted)
    judge.close(kpi, fact.accepted, took)

    kpi = "orders.pick_accuracy_pct"
    judge = _OrderJudge(tally, fact, now[kpi])
    unpicked = fact.last_pick < 0
    judge.exclude("missing_milestone", unpicked & left)
    judge.set(OPEN, unpicked)
    wrong = (fact.return_reason == WRONG_ITEM) & (
        fact.returned - fact.last_pick <= 30 * DAY
    )
    judge.close(kpi, fact.last_pick, ~(fact.pick_error | wrong))

    for kpi in ("orders.same_day_ship_pct", "orders.same_day_ship_eligible_pct"):
        judge = _OrderJudge(tally, fact, now[kpi])
        if kpi.endswith("eligible_pct"):
            judge.hold(*HOLDS)
            judge.exclude("after_cutoff", ~unreceived & (fact.received % DAY >= CUTOFF))
        judge.exclude("missing_milestone", unreceived)
        judge.set(UNDECIDED, (fact.received // DAY + 1) * DAY > now[kpi])
        judge.exclude("missing_milestone", unshipped & left)
        judge.exclude("reversed_clock", ~unshipped & (fact.accepted < fact.received))
        same = ~unshipped & (fact.accepted // DAY == fact.received // DAY)
        judge.close(kpi, fact.received, same)

    _count_answers(tally, fact, answers, now["orders.delivery_satisfaction_score"])
    return tally


def _count_answers(
    tally: Tally, fact: SimpleNamespace, answers: pd.DataFrame, now: int
) -> None:
    answers = answers[answers["day"] * DAY < now]
    answers = answers.sort_values("day", kind="stable")
    order = answers["order"].to_numpy()
    known, place = order >= 0, np.maximum(order, 0)
    score = answers["score"].to_numpy()
    inside = (score >= 1) & (score <= 5)
    test = known & fact.test[place]
    state = np.full(len(answers), COUNTED)
    reason = np.full(len(answers), -1)
    first = answers[known & inside].drop_duplicates("order").index
    again = known & inside & ~answers.index.isin(first)
    for code, where in (
        ("duplicate_answer", again),
        ("out_of_scale", ~inside),
        ("test_record", test),
    ):
        state[where], reason[where] = EXCLUDED, tally.reason(code)
    segment = np.where(known, fact.category[place], UNKNOWN)
    tally.add(
        "orders.delivery_satisfaction_score",
        segment,
        answers["day"].to_numpy(),
        score,
        np.ones(len(answers), dtype=np.int64),
        state,
        reason,
    )


# --- the process ----------------------------------------------------------------


def build(world: World) -> Process:
    """Simulate order processing and prepare its exports and its truth."""
    state = simulate(world)
    rng = world.random("orders.exports")
    feeds = {
        feed.export: feed
        for feed in (
            _erp_feed(world, rng, state),
            _wms_feed(world, rng, state),
            _carrier_feed(world, rng, state),
            _survey_feed(world, rng, state),
        )
    }

    def actual() -> Tally:
        fact = true_facts(state)
        return count(world, fact, state.answers, dict.fromkeys(SOURCES, int(FAR)))

    def seen(as_of: int) -> Tally:
        fact = seen_facts(state, feeds, as_of)
        covered = {
            name: min(feed.covered_until(as_of), as_of) for name, feed in feeds.items()
        }
        now = {kpi: min(covered[one] for one in used) for kpi, used in SOURCES.items()}
        return count(world, fact, feeds["survey.delivery"].in_force(as_of), now)

    return Process(
        feeds=list(feeds.values()),
        kpis=KPIS,
        actual=actual,
        seen=seen,
        findings=lambda kpis: _findings(world, kpis),
        absent=lambda kpis: _absent(world, kpis),
        nights=_nights(world),
        dirt=_dirt(world, feeds, state),
        state=SimpleNamespace(orders=state, feeds=feeds),
    )


def true_facts(state: State) -> SimpleNamespace:
    """What happened to each order, whoever knows it."""
    size = len(state.orders)
    cases, every = _erp_cases(state.orders), np.arange(size)
    final = as_known(cases, every, np.full(size, FAR), _ERP_TIMES, _ERP_FOLLOWS)
    return facts(size, final, state.lines, state.scans, state.answers)


def seen_facts(state: State, feeds: dict[str, Feed], as_of: int) -> SimpleNamespace:
    """What the delivered files say about each order."""
    return facts(
        len(state.orders),
        feeds["erp.orders"].in_force(as_of),
        feeds["wms.picks"].in_force(as_of),
        feeds["carrier.shipments"].in_force(as_of),
        feeds["survey.delivery"].in_force(as_of),
    )


def _findings(world: World, kpis: dict) -> list[dict]:
    found = []
    dispatch = values(kpis, KPIS, "orders.dispatch_minutes")
    ready = values(kpis, KPIS, "orders.same_day_ship_pct")
    processing = values(kpis, KPIS, "orders.processing_minutes")
    if world.has("PL1"):
        found.append(
            finding(
                "PL1",
                "verify",
                "orders.dispatch_minutes",
                intervention="ndd_launch",
                as_of="2026-05-31",
                verdict="verified",
                counter="orders.dispatch_accuracy_pct",
            )
        )
        found.append(
            finding(
                "PL1",
                "target",
                "orders.dispatch_minutes",
                window=[*dispatch][:: max(1, len(dispatch) - 1)],
                verdict={
                    label: at <= (15 if label >= "2026-03" else 30)
                    for label, at in dispatch.items()
                    if label >= "2026-02"
                },
            )
        )
        found.append(
            finding(
                "PL1",
                "target",
                "orders.same_day_ship_pct",
                tier={"core_from": "2026-03-01"},
                verdict={
                    label: at >= 95 for label, at in ready.items() if label >= "2026-03"
                },
            )
        )
    if world.has("PL8"):
        found.append(
            finding(
                "PL8",
                "P-2",
                "orders.same_day_ship_eligible_pct",
                counter="orders.same_day_ship_pct",
                verdict="redundant",
                keep="orders.same_day_ship_pct",
            )
        )
    if world.has("PL9"):
        found.append(
            finding(
                "PL9", "TR-3", "orders.info_accuracy_pct", verdict="raise_or_monitor"
            )
        )
    if world.has("PL10"):
        found.append(
            finding(
                "PL10",
                "achievable",
                "orders.processing_minutes",
                target=100,
                valid_from="2026-01-01",
                verdict="realistic",
            )
        )
        found.append(
            finding(
                "PL10",
                "achievable",
                "orders.processing_minutes",
                target=30,
                valid_from="2027-01-01",
                verdict="unachievable",
            )
        )
    if world.has("PL12"):
        found.append(
            finding(
                "PL12",
                "alarm",
                "orders.processing_minutes",
                window=[label for label, at in processing.items() if at > 120],
                verdict="alarm",
            )
        )
    if world.has("PL8"):
        # What misses the pick-up is late for both, until the launch.
        found.append(
            alerts("PL8", "orders.same_day_ship_eligible_pct", "2025-01", "2026-02")
        )
        found.append(alerts("PL8", "orders.same_day_ship_pct", "2025-01", "2026-02"))
    if world.has("PL12"):
        found.append(alerts("PL12", "orders.processing_minutes", "2025-06", "2025-12"))
    return found


def _absent(world: World, kpis: dict) -> list[dict]:
    found = []
    if world.has("PL1"):
        found.append(
            {
                "plant": "PL1",
                "rule": "conflict",
                "kpi": "orders.dispatch_minutes",
                "counter": "orders.dispatch_accuracy_pct",
            }
        )
        found.append(
            {
                "plant": "PL1",
                "rule": "conflict",
                "kpi": "orders.processing_minutes",
                "counter": "orders.pick_accuracy_pct",
            }
        )
    processing = values(kpis, KPIS, "orders.processing_minutes")
    found.append(
        {
            "plant": "PL12",
            "rule": "alarm",
            "kpi": "orders.processing_minutes",
            "window": [label for label, at in processing.items() if at <= 120],
        }
    )
    return found


def _nights(world: World) -> list[dict]:
    if not world.has("PL11"):
        return []
    return [
        {
            "plant": "PL11",
            "as_of": iso(moment(2026, 6, 25, 2)),
            "file": "wms/picks_20260624.csv.gz",
            "verdict": QUARANTINED,
            "stale": {
                "orders.pick_accuracy_pct": {
                    "last_day": "2026-06-23",
                    "data_as_of": iso(moment(2026, 6, 24)),
                }
            },
        },
        {
            "plant": "PL11",
            "as_of": iso(moment(2026, 6, 26, 2)),
            "file": "wms/picks_20260624_r2.csv.gz",
            "verdict": "admitted",
            "stale": {},
        },
    ]


def _dirt(world: World, feeds: dict[str, Feed], state: State) -> list[dict]:
    erp, picks = feeds["erp.orders"].rows, feeds["wms.picks"].rows
    scans, answers = feeds["carrier.shipments"].rows, feeds["survey.delivery"].rows
    orders = state.orders
    last = erp.drop_duplicates("case", keep="last")
    flipped = (last["dispatched"] >= 0) & (last["dispatched"] < last["received"])
    shipped = orders["shipped"].to_numpy()[last["case"]] >= 0
    unsaid = (last["dispatched"] < 0) & shipped
    entries = [
        ("D1", "wms.picks", int(picks["repeated"].sum())),
        ("D2", "erp.orders", int(erp["older"].sum())),
        ("D3", "carrier.shipments", int(scans["late"].sum())),
        ("D6", "erp.orders", int(unsaid.sum())),
        ("D6", "survey.delivery", int((answers["order"] < 0).sum())),
        ("D7", "erp.orders", int(flipped.sum())),
        ("D8", "carrier.shipments", int(scans["skewed"].sum())),
        ("D9", "erp.orders", int(erp["rejected"].sum())),
        ("D10", "erp.orders", int((erp["category"] == MISSPELT).sum())),
        ("D12", "survey.delivery", int(answers["blank"].sum())),
        ("D13", "erp.orders", int((orders["channel"] == TEST).sum())),
        ("D14", "erp.orders", int((orders["twin"] >= 0).sum())),
    ]
    return [{"id": id_, "export": export, "rows": n} for id_, export, n in entries]
