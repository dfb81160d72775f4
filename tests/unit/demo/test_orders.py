"""Orders: planted effects, dirt, and counters on cases worked by hand."""

from __future__ import annotations

import csv
import gzip
import io

import numpy as np
import pandas as pd
import pytest

from demo import orders
from demo.clock import DAY, NONE, moment
from demo.company import account
from tests.helpers.demo_company import (
    END,
    actual,
    delivered,
    dirt,
    months,
    parts,
    plants_found,
    world,
)

KPIS = {kpi.code.removeprefix("orders."): kpi for kpi in orders.KPIS}
APRIL = moment(2025, 4, 1)


@pytest.fixture(scope="module")
def shop():
    """Orders at the usual volume."""
    return orders.build(world())


# --- planted ----------------------------------------------------------------------


def test_next_day_delivery_quickens_dispatch_in_two_steps(shop):
    """PL1: 26 → 18 → 13.5 min; processing falls, accuracy stays."""
    minutes = actual(shop, KPIS["dispatch_minutes"])
    usual = [at for label, at in minutes.items() if label < "2026-03"]
    assert usual == pytest.approx([26] * 14, abs=1)
    assert 15 < minutes["2026-03"] < 18
    later = [at for label, at in minutes.items() if label > "2026-03"]
    assert later[:3] == pytest.approx([13.5] * 3, abs=0.7)
    same_day = actual(shop, KPIS["same_day_ship_pct"])
    assert min(same_day[f"2026-0{month}"] for month in (4, 5, 6)) >= 95
    right = actual(shop, KPIS["dispatch_accuracy_pct"])
    assert np.mean([*right.values()]) == pytest.approx(99.5, abs=0.15)


def test_only_the_two_peaks_are_beyond_the_alarm(shop):
    """PL10, PL12: June 128 and November 134 min, the other months of 2025 114–120."""
    minutes = actual(shop, KPIS["processing_minutes"])
    assert minutes["2025-06"] == pytest.approx(128, abs=1.5)
    assert minutes["2025-11"] == pytest.approx(134, abs=1.5)
    assert {label for label, at in minutes.items() if at > 120} == {
        "2025-06",
        "2025-11",
    }


@pytest.mark.parametrize("plant", ["PL1", "PL8", "PL9", "PL10", "PL12"])
def test_a_plant_switched_off_takes_its_findings_with_it(plant):
    process = orders.build(world(0.1, without=plant))
    kpis = account([process], END)["kpis"]
    found = {one["plant"] for one in process.findings(kpis)}
    assert found == {"PL1", "PL8", "PL9", "PL10", "PL12"} - {plant}
    assert plants_found(process, kpis) - found <= {"PL12"}


# --- exported ---------------------------------------------------------------------


def test_the_short_file_of_picks_is_quarantined_and_comes_again(shop):
    """PL11: 31 % of the rows, 38 % of them nameless; the next night all is there."""
    feed = next(one for one in shop.feeds if one.export == "wms.picks")
    files = delivered(feed)
    lines = {}
    for path in ("wms/picks_20260624.csv.gz", "wms/picks_20260624_r2.csv.gz"):
        text = gzip.decompress(files[path]).decode("utf-8")
        lines[path] = [*csv.DictReader(io.StringIO(text))]
    short, whole = lines.values()
    assert len(short) == round(0.31 * len(whole))
    nameless = sum(not row["order_no"] for row in short)
    assert nameless == round(0.38 * len(short))
    assert all(row["order_no"] for row in whole)
    assert feed.covered_until(moment(2026, 6, 25, 2)) == moment(2026, 6, 24)
    assert feed.covered_until(moment(2026, 6, 26, 2)) == moment(2026, 6, 26)


def test_the_planted_dirt_is_in_the_files(shop):
    feed = next(one for one in shop.feeds if one.export == "erp.orders")
    rows = []
    for data in delivered(feed).values():
        rows += csv.DictReader(io.StringIO(data.decode("gb18030")))
    found = dirt(shop)
    assert sum(r["订单金额"] == "#REF!" for r in rows) == found["D9", feed.export] == 4
    misspelt = sum(row["品类"] == "灯俱" for row in rows)
    assert misspelt == found["D10", feed.export] > 0
    tests = {row["订单号"] for row in rows if row["渠道"] == "test"}
    assert len(tests) == found["D13", feed.export] == 20
    assert found["D2", feed.export] == 40
    assert found["D14", feed.export] == 30


# --- counted ----------------------------------------------------------------------

NOON = moment(2025, 3, 3, 12)  # a Monday
ERP = dict.fromkeys(
    [
        *("checked", "dispatched", "redispatched", "cancelled", "returned"),
        *("moved", "correction", "hold", "return_reason"),
    ],
    NONE,
)


def march(kpi: str, *cases: dict, now: int = APRIL) -> dict:
    """The cell of March 2025 of orders received at noon.

    A case holds columns of the ERP, `scans` (event, moment), `picks` (end, result)
    and `answers` (day, score); without `received` the ERP does not know the order.
    """
    erp, scans, picks, answers = [], [], [], []
    for number, case in enumerate(cases):
        known = {"received": NOON, **case}
        for event, at in known.pop("scans", ()):
            scans.append({"order": number, "event": event, "time": at})
        for end, result in known.pop("picks", ()):
            picks.append(
                {"order": number, "start": end - 60, "end": end, "result": result}
            )
        for day, score in known.pop("answers", ()):
            answers.append({"order": number, "day": day, "score": score})
        if known["received"] is not None:
            usual = {**ERP, "category": 0, "channel": 0, "updated": 1}
            erp.append({**usual, "case": number, **known})
    frames = [
        pd.DataFrame(erp),
        pd.DataFrame(picks, columns=["order", "start", "end", "result"], dtype=int),
        pd.DataFrame(scans, columns=["order", "event", "time"], dtype=int),
        pd.DataFrame(answers, columns=["order", "day", "score"], dtype=int),
    ]
    fact = orders.facts(len(cases), *frames)
    until = dict.fromkeys(orders.SOURCES, now)
    tally = orders.count(world(), fact, frames[3], until)
    return months(tally, KPIS[kpi].code)["2025-03"]


def left(hours: float) -> dict:
    """Picked up by the carrier so long after receipt."""
    return {"scans": [(orders.ACCEPTED, NOON + int(hours * 3_600))]}


def test_processing_runs_in_working_time_to_the_last_parcel():
    """Noon to 9:00 the next day is 7 working hours; one reason excludes an order."""
    parcels = [(orders.ACCEPTED, NOON + 3_600), (orders.ACCEPTED, NOON + 21 * 3_600)]
    cell = march(
        "processing_minutes",
        {"scans": parcels},
        {**left(1), "channel": orders.TEST, "cancelled": NOON},
        {**left(1), "cancelled": NOON + 60},
        *({**left(1), "hold": code} for code in range(3)),
        {**left(1), "received": None},
        {"returned": NOON + DAY},
        left(-1),
        {},
    )
    assert cell == parts(
        *(7 * 3_600, 1, 1),
        open=1,
        test_record=1,
        cancelled=1,
        backorder=1,
        credit_hold=1,
        future_dated=1,
        missing_milestone=2,
        reversed_clock=1,
    )


def test_a_correction_by_the_customer_is_no_error():
    cell = march(
        "info_accuracy_pct",
        {**left(1), "correction": 0},
        {**left(1), "correction": 1},
        left(1),
        {},
    )
    assert cell == parts(2, 3, 3, undecided=1)


def test_dispatch_is_right_once_the_carrier_has_seen_it():
    at = {"dispatched": NOON + 600}
    cases = [
        {**at, **left(1), "moved": 0},
        {**at, **left(1), "moved": 1},
        {**at},
        left(1),
        {},
    ]
    cell = march("dispatch_accuracy_pct", *cases)
    assert cell == parts(1, 2, 2, open=1, undecided=1, missing_milestone=1)
    cell = march("dispatch_minutes", *cases, {"dispatched": NOON - 60})
    assert cell == parts(
        *(3 * 600, 3, 3), open=1, missing_milestone=1, reversed_clock=1
    )


def test_a_pick_is_wrong_at_the_recheck_or_within_thirty_days():
    good, bad = (NOON, 0), (NOON, 1)
    wrong = {"return_reason": orders.WRONG_ITEM}
    cell = march(
        "pick_accuracy_pct",
        {"picks": [good, bad]},
        {"picks": [good], "returned": NOON + 30 * DAY, **wrong},
        {"picks": [good], "returned": NOON + 30 * DAY + 60, **wrong},
        {"picks": [good], "returned": NOON + DAY, "return_reason": 0},
        {"picks": [good], "received": None},
        left(1),
        {},
    )
    assert cell == parts(3, 5, 5, open=1, missing_milestone=1)


def test_the_same_day_ends_at_midnight_and_not_shipped_is_missed():
    """Of six received one left the same day; the eligible leave two of them out."""
    cases = [
        left(11.9),
        left(12),
        {},
        {**left(30), "hold": 0},
        {**left(20), "received": NOON + 3 * 3_600},
        {**left(20), "received": NOON + 3 * 3_600 - 60},
    ]
    assert march("same_day_ship_pct", *cases) == parts(1, 6, 6)
    cell = march("same_day_ship_eligible_pct", *cases)
    assert cell == parts(1, 4, 4, backorder=1, after_cutoff=1)


def test_the_first_answer_in_scale_counts():
    day = NOON // DAY
    cell = march(
        "delivery_satisfaction_score",
        {"answers": [(day + 2, 5), (day + 1, 3), (day, 6)]},
        {"answers": [(day, 4)], "channel": orders.TEST},
    )
    assert cell == parts(3, 1, 1, duplicate_answer=1, out_of_scale=1, test_record=1)
