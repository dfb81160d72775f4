"""Procurement: from requisition line to purchase order and goods receipt.

The simulated requisition lines, what of them the ERP exports when, and the four
procurement KPIs counted from either.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa

from demo import writers
from demo.clock import (
    DAY,
    END,
    FAR,
    NONE,
    START,
    WARM_UP,
    Calendar,
    moment,
    month_index,
    month_spans,
)
from demo.delivery import Feed, File, delta_rows, newest, span_files
from demo.truth import (
    ALWAYS,
    HOURS,
    OPEN,
    PERCENT,
    Judge,
    Kpi,
    Tally,
    alerts,
    finding,
    targets,
)
from demo.world import Process, World, arrivals, choose, lognormal, shares

CATEGORIES = ["电子元件", "金属件", "包装材料", "面料"]
SEGMENTS = [*CATEGORIES, "unknown"]
ITEMS = 120
CURRENCIES = ["CNY", "USD"]
CNY, USD = range(2)
CANCELLED_BY = ["us", "supplier"]
US, SUPPLIER = range(2)
SUPPLIERS, INTERNAL = 40, 3
FOREIGN = 2
"""The last suppliers of the list are paid in dollars."""

SINGLE = moment(2025, 7, 1)
SLOW = moment(2026, 5, 1)

CYCLE = Kpi(
    "procurement.cycle_hours", HOURS, targets=targets(-1, (ALWAYS, 80)), alarm=120
)
PRICE = Kpi(
    "procurement.price_vs_standard_pct",
    PERCENT,
    targets=targets(-1, (ALWAYS, 100)),
    alarm=103,
)
UNIT = Kpi("procurement.unit_price_cny", Fraction(1, 100))
ON_TIME = Kpi(
    "procurement.supplier_otd_pct",
    PERCENT,
    targets=targets(1, (ALWAYS, 90)),
    alarm=85,
)

TIMES = (
    *("requested", "approved_1", "approved_2", "quoted", "issued", "confirmed"),
    *("received_first", "received", "cancelled"),
)
FOLLOWS = {
    **dict.fromkeys(("supplier", "price", "currency"), "quoted"),
    "po": "issued",
    "promised": "confirmed",
    "got_first": "received_first",
    "got": "received",
    "cancelled_by": "cancelled",
}


def simulate(world: World) -> pd.DataFrame:
    """All requisition lines from the warm-up on; days are day numbers, prices cents."""
    rng = world.random("procurement")
    days = np.arange(WARM_UP, END)
    days = days[world.calendars["office"].is_open_day(days)]
    day = arrivals(rng, days, 8 * world.scale)
    n = len(day)
    requested = np.sort(day * DAY + rng.integers(9 * 3_600, 63_000, n))
    item = rng.integers(0, ITEMS, n)
    lines = pd.DataFrame({"requested": requested, "item": item})
    first = np.searchsorted(day, day)
    lines["number"] = np.arange(n) - first + 1
    lines["category"] = item % len(CATEGORIES)
    lines["change"] = shares(rng, month_index(day), 0.06)
    _order(world, rng, lines)
    _price(rng, lines)
    _deliver(world.calendars["warehouse"], rng, lines)
    _cancel(rng, lines)
    return lines


def _order(world: World, rng: np.random.Generator, lines: pd.DataFrame) -> None:
    """Approvals, quote and order; managers and buyers also act on days off."""
    clock = world.calendars["service"]
    requested = lines["requested"].to_numpy()
    n = len(lines)
    month = month_index(requested // DAY)
    twice = (requested < SINGLE) & world.has("PL3")
    hours = np.where(twice, 107.0, 52.0)
    if not world.has("PL4"):
        hours = np.where(requested >= SLOW, 100.0, hours)
    _, group = np.unique(month, return_inverse=True)
    begun = clock.worked(requested)
    base, again = lognormal(rng, n, 0.45, 26), lognormal(rng, n, 0.5, 27) * twice
    level = np.ones(group.max() + 1)
    wobble = 1 + 0.01 * rng.normal(size=len(level))
    aim = np.bincount(group, hours) / np.bincount(group) * 3_600 * wobble
    for _ in range(5):
        seconds = (base + again) * level[group] * 3_600
        took = clock.at(begun + seconds.astype(np.int64)) - requested
        level *= aim / (np.bincount(group, took) / np.bincount(group))

    def at(part: float, second: bool = True) -> np.ndarray:
        hours = (base * part + again * second) * level[group]
        return clock.at(begun + (hours * 3_600).astype(np.int64))

    # A change order repeats a purchase that is known: nothing is quoted anew.
    quick = np.where(lines["change"], 0.3, 1.0)
    base, again = base * quick, again * quick
    lines["approved_1"] = at(0.3, second=False)
    lines["approved_2"] = np.where(twice, at(0.3), NONE)
    lines["quoted"] = at(0.75)
    lines["issued"] = at(1.0)
    lines["confirmed"] = lines["issued"] + rng.integers(2 * 3_600, 3 * DAY, n)
    order = np.empty(n, dtype=np.int64)
    order[np.argsort(lines["issued"].to_numpy(), kind="stable")] = np.arange(n)
    lines["po"] = order + 1


def _price(rng: np.random.Generator, lines: pd.DataFrame) -> None:
    n = len(lines)
    standard = np.rint(lognormal(rng, ITEMS, 1.0, 4_500)).astype(np.int64) + 200
    lines["standard"] = standard[lines["item"]]
    lines["ordered"] = np.maximum(10, np.rint(lognormal(rng, n, 0.6, 240))).astype(int)
    supplier = rng.integers(0, SUPPLIERS, n)
    inside = rng.random(n) < 0.05
    lines["supplier"] = np.where(
        inside, SUPPLIERS + rng.integers(0, INTERNAL, n), supplier
    )
    foreign = ~inside & (supplier >= SUPPLIERS - FOREIGN)
    lines["currency"] = np.where(foreign, USD, CNY)
    ratio = 1 + rng.normal(0, 0.008, n)
    worth = (lines["ordered"] * lines["standard"]).to_numpy() * ~foreign
    _, group = np.unique(month_index(lines["requested"] // DAY), return_inverse=True)
    level = np.bincount(group, worth * ratio) / np.bincount(group, worth)
    price = lines["standard"] * ratio * 0.996 / level[group]
    price = np.where(foreign, price / 7.1, price)
    lines["price"] = np.rint(price).astype(np.int64)


def _deliver(
    warehouse: Calendar, rng: np.random.Generator, lines: pd.DataFrame
) -> None:
    n = len(lines)
    needed = lines["requested"].to_numpy() // DAY + rng.integers(21, 46, n)
    lines["needed"] = needed
    lines["promised"] = needed + np.where(
        rng.random(n) < 0.1, rng.integers(1, 8, n), -rng.integers(0, 3, n)
    )
    late = shares(rng, month_index(needed), 0.055)
    lag = np.where(late, rng.integers(1, 13, n), -rng.integers(0, 6, n))
    day = np.maximum(needed + lag, lines["issued"].to_numpy() // DAY + 2)
    before = warehouse.days[np.searchsorted(warehouse.days, day, side="right") - 1]
    after = warehouse.days[np.searchsorted(warehouse.days, day)]
    # A delivery in time that falls on a day off comes before it, a late one after.
    early = ~late & (before > lines["issued"].to_numpy() // DAY)
    day = np.where(early, before, after)
    lines["received"] = day * DAY + rng.integers(8 * 3_600, 18 * 3_600, n)
    ordered = lines["ordered"].to_numpy()
    short = shares(rng, month_index(needed), 0.01)
    lines["got"] = np.where(short, ordered * 9 // 10, ordered)
    earlier = lines["received"].to_numpy() - rng.integers(2, 10, n) * DAY
    partial = (rng.random(n) < 0.05) & (earlier > lines["issued"].to_numpy() + DAY)
    lines["received_first"] = np.where(partial, earlier, NONE)
    lines["got_first"] = np.where(partial, ordered // 3, NONE)


def _cancel(rng: np.random.Generator, lines: pd.DataFrame) -> None:
    n = len(lines)
    month = month_index(lines["requested"] // DAY)
    ours = shares(rng, month, 0.03)
    theirs = shares(rng, month, 0.01, where=~ours)
    requested, issued = lines["requested"].to_numpy(), lines["issued"].to_numpy()
    due, part = lines["needed"].to_numpy() * DAY, rng.uniform(0.1, 0.9, n)
    while_waiting = requested + (part * (issued - requested)).astype(np.int64)
    while_due = issued + (part * np.maximum(due - issued, DAY)).astype(np.int64)
    overdue = due + DAY + (part * 10 * DAY).astype(np.int64)
    when = rng.choice(3, n, p=[0.5, 0.35, 0.15])
    at = np.choose(when, [while_waiting, while_due, overdue])
    at = np.where(theirs, while_due, at)
    lines["cancelled"] = np.where(ours | theirs, at, NONE)
    lines["cancelled_by"] = np.where(ours, US, np.where(theirs, SUPPLIER, NONE))
    never = ours | theirs
    for name in TIMES[1:-1]:
        gone = never & (lines[name].to_numpy() > at)
        lines[name] = np.where(gone | (never & ("received" in name)), NONE, lines[name])
    for name, since in FOLLOWS.items():
        lines[name] = np.where(lines[since] >= 0, lines[name], NONE)


# --- what is exported -----------------------------------------------------------


def received_so_far(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the last known receipt and all that was received until then."""
    whole = (rows["received"] >= 0).to_numpy()
    return rows.assign(
        received=np.where(whole, rows["received"], rows["received_first"]),
        got=np.where(whole, rows["got"], rows["got_first"]),
    )


def _feed(world: World, rng: np.random.Generator, lines: pd.DataFrame) -> Feed:
    spans = month_spans()
    rows = received_so_far(delta_rows(lines, TIMES, FOLLOWS, spans))
    case, n = rows["case"].to_numpy(), len(rows)
    rows["priceless"] = (rng.random(len(lines)) < 0.01)[case]
    rows.loc[rows["priceless"], "standard"] = NONE
    asked = lines["requested"].to_numpy()
    normal = (lines["issued"] >= 0) & (lines["cancelled"] < 0) & ~lines["change"]
    in_time = (asked >= START * DAY) & (asked < (END - 30) * DAY)
    early = choose(rng, normal.to_numpy() & in_time, world.count(5))
    back = np.zeros(len(lines), dtype=np.int64)
    back[early] = rng.integers(180, 2_400, len(early))
    rows["flipped"] = (back[case] > 0) & (rows["issued"] >= 0)
    rows["issued"] = np.where(rows["flipped"], asked[case] - back[case], rows["issued"])
    broken = choose(rng, ~rows["flipped"].to_numpy(), world.count(6))
    rows.loc[broken, "rejected"] = True
    rows["mark"] = np.where(rng.random(n) < 0.9, 0, rng.integers(1, 4, n))
    rows = rows.sort_values(["file", "updated", "case"], kind="stable")
    return Feed(
        "erp.purchase_orders", span_files("erp/po/po_{}.csv", spans), rows, _bytes
    )


def _time(rows: pd.DataFrame, name: str) -> pa.Array:
    at = rows[name].to_numpy()
    return writers.stamps(at, "{y}-{m:02d}-{d:02d} ", "{h:02d}:{m:02d}", ":")


def _bytes(rows: pd.DataFrame, _file: File) -> bytes:
    asked = rows["requested"].to_numpy() // DAY
    ordered = writers.numbers(rows["ordered"])
    supplier = rows["supplier"].to_numpy()
    suppliers = [f"S{one + 1:04d}" for one in range(SUPPLIERS)]
    suppliers += [f"INT-{one + 1:02d}" for one in range(INTERNAL)]
    got = rows["got"].to_numpy()
    received = rows["received"].to_numpy()
    columns = {
        "req_line": line_numbers(asked, rows["number"]),
        "requested_at": _time(rows, "requested"),
        "approve_1_at": _time(rows, "approved_1"),
        "approve_2_at": _time(rows, "approved_2"),
        "quoted_at": _time(rows, "quoted"),
        "po_issued_at": _time(rows, "issued"),
        "po_no": writers.padded("PO", rows["po"], 7),
        "change_order": writers.pick(["N", "Y"], rows["change"]),
        "cancelled_at": _time(rows, "cancelled"),
        "cancelled_by": writers.pick(CANCELLED_BY, rows["cancelled_by"]),
        "supplier_id": writers.pick(suppliers, supplier),
        "item_code": writers.padded("IT", rows["item"] + 1, 4),
        "category": writers.pick(CATEGORIES, rows["category"]),
        "qty_ordered": writers.instead(ordered, "见附件", rows["rejected"]),
        "requested_date": writers.days(rows["needed"].to_numpy()),
        "promised_date": writers.days(rows["promised"].to_numpy()),
        "received_date": writers.days(np.where(received < 0, -1, received // DAY)),
        "qty_received": writers.numbers(got, got >= 0),
        "unit_price": writers.decimals(rows["price"], rows["price"] >= 0),
        "std_price": writers.decimals(rows["standard"], rows["standard"] >= 0),
        "currency": writers.pick(CURRENCIES, rows["currency"]),
        "updated_at": _time(rows, "updated"),
    }
    return writers.csv_bytes(
        list(columns),
        writers.marked(list(columns.values()), rows["mark"]),
        quote_all=True,
        newline="\r\n",
    )


def line_numbers(day: np.ndarray, number: pd.Series) -> pa.Array:
    """Numbers of requisition lines: the day and a running number in it."""
    return writers.padded(writers.days(day, "PR{y}{m:02d}{d:02d}-"), number, 4)


# --- what is counted ------------------------------------------------------------


def count(lines: pd.DataFrame, now: int) -> Tally:
    """All procurement KPIs from one row per line; `now` is the covered-until moment."""
    known = {name: lines[name].to_numpy() for name in lines}
    requested, issued = known["requested"], known["issued"]
    cancelled, received = known["cancelled"], known["received"]
    segment, needed, got = known["category"], known["needed"], known["got"]
    tally = Tally(SEGMENTS)

    judge = Judge(tally, len(lines), now)
    unissued = issued < 0
    later = (received >= 0) | (known["promised"] >= 0)
    judge.exclude("change_order", known["change"])
    judge.exclude("cancelled", cancelled >= 0)
    judge.exclude("missing_milestone", unissued & later)
    judge.exclude("reversed_clock", ~unissued & (issued < requested))
    judge.set(OPEN, unissued)
    judge.add(CYCLE.code, segment, issued, requested, issued - requested)

    judge = Judge(tally, len(lines), now)
    paid, worth = got * known["price"], got * known["standard"]
    arrived = received >= 0
    judge.exclude("foreign_currency", known["currency"] != CNY)
    judge.add(UNIT.code, segment, received, received, paid, got, scope=arrived)
    judge.exclude("no_standard_price", known["standard"] < 0)
    judge.add(PRICE.code, segment, received, received, paid, worth, scope=arrived)

    judge = Judge(tally, len(lines), now)
    ours = (cancelled >= 0) & (known["cancelled_by"] == US)
    judge.exclude("cancelled_by_us", ours & (cancelled // DAY <= needed))
    judge.exclude("internal_supplier", known["supplier"] >= SUPPLIERS)
    in_time = arrived & (received // DAY <= needed) & (got >= known["ordered"])
    due = needed * DAY
    judge.add(ON_TIME.code, segment, due, due, in_time, scope=needed < now // DAY)
    return tally


# --- the process ----------------------------------------------------------------


def build(world: World) -> Process:
    """Simulate procurement and prepare its export and its truth."""
    lines = simulate(world)
    feed = _feed(world, world.random("procurement.exports"), lines)
    rows = feed.rows
    flipped = rows.loc[rows["flipped"], "case"]

    def seen(as_of: int) -> Tally:
        now = min(feed.covered_until(as_of), as_of)
        return count(newest(feed.in_force(as_of)), now)

    return Process(
        feeds=[feed],
        kpis=[CYCLE, PRICE, UNIT, ON_TIME],
        actual=lambda: count(received_so_far(lines), int(FAR)),
        seen=seen,
        findings=lambda _: _findings(world),
        absent=lambda _: _absent(world),
        dirt=[
            {"id": "D6", "export": feed.export, "rows": int(rows["priceless"].sum())},
            {"id": "D7", "export": feed.export, "rows": int(flipped.nunique())},
            {"id": "D9", "export": feed.export, "rows": int(rows["rejected"].sum())},
        ],
        state=lines,
    )


def _findings(world: World) -> list[dict]:
    found = []
    if world.has("PL3"):
        found.append(
            finding(
                "PL3",
                "repeated_approval",
                CYCLE.code,
                window=["2025-01-01", "2025-07-01"],
                verdict="found",
                step="approve_2",
            )
        )
        found.append(
            finding(
                "PL3",
                "verify",
                CYCLE.code,
                counter=PRICE.code,
                intervention="single_approval",
                as_of="2025-09-21",
                verdict="verified",
            )
        )
        found.append(alerts("PL3", CYCLE.code, "2025-01", "2025-06"))
    if world.has("PL4"):
        found.append(
            finding(
                "PL4",
                "TR-1",
                CYCLE.code,
                as_of="2026-06-30",
                verdict="raise",
                strength="strong",
                range=[64, 64],
            )
        )
    return found


def _absent(world: World) -> list[dict]:
    if not world.has("PL3"):
        return []
    conflict = {"rule": "conflict", "kpi": CYCLE.code, "counter": PRICE.code}
    return [{"plant": "PL3", **conflict}]
