"""Quality: planted effects, dirt, and counters on cases worked by hand."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from demo import orders, quality
from demo.clock import DAY, NONE, moment
from demo.company import account
from demo.truth import Tally, evidence_count
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


@pytest.fixture(scope="module")
def plant():
    """Inspections and returns at the usual volume."""
    usual = world()
    return quality.build(usual, orders.build(usual))


# --- planted ----------------------------------------------------------------------


def test_august_lamps_fail_and_come_back_in_september(plant):
    """PL6: yield 97.3 % in August, all else 98.4; returns 7.5 % against 3.8."""
    passed = actual(plant, quality.YIELD)
    assert passed.pop("2025-08") == pytest.approx(97.3, abs=0.1)
    assert [*passed.values()] == pytest.approx([98.4] * 17, abs=0.2)
    back = actual(plant, quality.RETURNS)
    assert back["2025-09"] == pytest.approx(7.5, abs=0.1)
    usual = [at for label, at in back.items() if label not in ("2025-09", "2026-03")]
    assert np.mean(usual) == pytest.approx(3.8, abs=0.3)
    assert max(usual) < 5
    lamps = months(plant.actual(), quality.RETURNS.code, segment="灯具")["2025-09"]
    rest = months(plant.actual(), quality.RETURNS.code)["2025-09"]
    others = rest["num"] - lamps["num"], rest["den"] - lamps["den"]
    assert lamps["num"] / lamps["den"] > 3 * others[0] / others[1]


def test_march_returns_are_above_target_but_no_evidence(plant):
    """PL7: more than 5 % of the delivered orders, fewer than would be evidence."""
    seen = months(plant.seen(END), quality.RETURNS.code)["2026-03"]
    assert 0.05 * seen["den"] < seen["num"] < evidence_count(seen["den"], 0.05)
    [absent] = plant.absent({})
    assert absent["range"] == [seen["num"], seen["den"]]


@pytest.mark.parametrize("off", ["PL6", "PL7"])
def test_a_plant_switched_off_takes_its_findings_with_it(off):
    small = world(0.2, without=off)
    process = quality.build(small, orders.build(small))
    kpis = account([process], END)["kpis"]
    assert plants_found(process, kpis) == {"PL6", "PL7"} - {off}
    where = {"PL6": ("2025-09", quality.RETURNS), "PL7": ("2026-03", quality.RETURNS)}
    label, kpi = where[off]
    assert actual(process, kpi)[label] < 5.5


# --- exported ---------------------------------------------------------------------


def rows_of(process) -> list[dict]:
    """All delivered rows as read from Parquet."""
    found = []
    for data in delivered(process.feeds[0]).values():
        found += pq.read_table(io.BytesIO(data)).to_pylist()
    return found


def test_first_pass_yield_equals_what_the_files_say(plant):
    """Recounted from the delivered Parquet in plain Python; the zone is not written."""
    found = defaultdict(Counter)
    firsts = [row for row in rows_of(plant) if row["inspection_no"] == 1]
    lots = {row["lot_no"] for row in firsts}
    assert len(firsts) == len(lots)
    for row in firsts:
        cell = found[row["inspected_at"].strftime("%Y-%m")]
        if row["lot_type"] == "trial":
            cell["trial_lot"] += 1
        else:
            cell.update(n=1, num=row["units_passed"], den=row["units_submitted"])
    warm = {r["lot_no"]: r for r in rows_of(plant) if r["lot_no"] not in lots}
    for row in warm.values():
        trial = row["lot_type"] == "trial"
        reason = "trial_lot" if trial else "missing_milestone"
        found[row["inspected_at"].strftime("%Y-%m")][reason] += 1
    for label, seen in months(plant.seen(END), quality.YIELD.code).items():
        want = found.pop(label)
        for part in ("num", "den", "n"):
            assert seen[part] == want.pop(part, 0)
        assert seen["excluded"] == want
    assert not found


def test_line_3_is_seven_minutes_ahead_for_two_weeks(plant):
    rows = plant.feeds[0].rows
    skewed = rows[rows["skewed"]]
    true = plant.state.set_index(["lot", "inspection"])["at"]
    shown = skewed.set_index(["lot", "inspection"])["at"]
    assert (shown - true.loc[shown.index] == 420).all()
    assert set(skewed["line"]) == {3}
    first, last = skewed["at"].min() // DAY, skewed["at"].max() // DAY
    assert (first, last) == (moment(2025, 8, 11) // DAY, moment(2025, 8, 22) // DAY)
    assert dirt(plant)["D8", "mes.inspections"] == len(skewed) > 0


def test_a_released_lot_is_released_once_and_after_its_last_inspection(plant):
    rows = pd.DataFrame(rows_of(plant))
    rows = rows.sort_values(["lot_no", "inspection_no"])
    released = rows[rows["released_at"].notna()]
    assert released["lot_no"].is_unique
    last = rows.drop_duplicates("lot_no", keep="last").set_index("lot_no")
    of_last = last.loc[released["lot_no"], "inspection_no"].to_numpy()
    assert (released["inspection_no"].to_numpy() == of_last).all()
    assert (released["released_at"] > released["inspected_at"]).all()
    assert last["released_at"].isna().any()


# --- counted ----------------------------------------------------------------------


def test_yield_counts_units_of_the_first_inspection_only():
    """390 of 400 pass at first; a trial lot and one seen only again are left out."""
    march = moment(2025, 3, 3, 10)
    usual = {"type": 0, "category": 1}
    lots = [
        {"lot": 1, "inspection": 1, "at": march, "units": 400, "failed": 10},
        {"lot": 1, "inspection": 2, "at": march + DAY, "units": 10, "failed": 1},
        {"lot": 2, "inspection": 1, "at": march, "units": 50, "failed": 9, "type": 1},
        {"lot": 3, "inspection": 2, "at": march, "units": 8, "failed": 0},
    ]
    tally = Tally(quality.SEGMENTS)
    events = pd.DataFrame([{**usual, **lot} for lot in lots])
    quality.count_yield(tally, events, moment(2025, 4, 1))
    cell = months(tally, quality.YIELD.code)["2025-03"]
    assert cell == parts(390, 400, 1, trial_lot=1, missing_milestone=1)


def test_a_return_counts_for_thirty_days_after_the_door():
    """Delivered 2 March 12:00, known to 1 April 12:00: the window is just over."""
    door, window = moment(2025, 3, 2, 12), 30 * DAY
    cases = [
        (door, NONE, door + window),
        (door, NONE, door + window + 1),
        (door, NONE, NONE),
        (door + 1, NONE, door + DAY),
        (NONE, door, NONE),
        (NONE, NONE, door),
        (door, NONE, door - 60),
        (door, door, NONE),
    ]
    delivered_at, refused, returned = np.array(cases).T
    fact = SimpleNamespace(
        delivered=delivered_at,
        refused=refused,
        returned=returned,
        test=np.zeros(8, dtype=bool),
        category=np.zeros(8, dtype=np.int64),
    )
    tally = Tally(quality.SEGMENTS)
    quality.count_returns(tally, fact, door + window)
    cell = months(tally, quality.RETURNS.code)["2025-03"]
    assert cell == parts(
        *(1, 3, 3),
        undecided=1,
        refused_at_door=2,
        missing_milestone=1,
        reversed_clock=1,
    )
