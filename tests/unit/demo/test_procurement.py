"""Procurement: planted effects, dirt, and counters on cases worked by hand."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from demo import procurement
from demo.clock import DAY, NONE, iso_day, moment
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

NOVEMBER = moment(2025, 11, 1)


@pytest.fixture(scope="module")
def buying():
    """Procurement at the usual volume."""
    return procurement.build(world())


# --- planted ----------------------------------------------------------------------


def test_one_approval_instead_of_two_halves_the_cycle(buying):
    """PL3, PL4: 107 → 52 h in July 2025, ≤ 80 h ever since; prices stay at 99.6 %."""
    hours = actual(buying, procurement.CYCLE)
    before = [at for label, at in hours.items() if label < "2025-07"]
    after = [at for label, at in hours.items() if label > "2025-07"]
    assert np.mean(before) == pytest.approx(107, abs=3)
    assert np.mean(after) == pytest.approx(52, abs=2)
    assert max(at for label, at in hours.items() if label >= "2025-07") <= 80
    prices = actual(buying, procurement.PRICE)
    assert [*prices.values()] == pytest.approx([99.6] * 18, abs=0.35)
    lines = buying.state
    asked_twice = lines["approved_2"] >= 0
    assert (lines["requested"] < moment(2025, 7, 1))[asked_twice].all()


@pytest.mark.parametrize("plant", ["PL3", "PL4"])
def test_a_plant_switched_off_takes_its_findings_with_it(plant):
    process = procurement.build(world(0.2, without=plant))
    found = plants_found(process, account([process], END)["kpis"])
    assert found == {"PL3", "PL4"} - {plant}
    hours = actual(process, procurement.CYCLE)
    if plant == "PL3":
        assert max(hours.values()) < 80
    else:
        assert hours["2026-06"] > 80


# --- exported ---------------------------------------------------------------------


def rows_of(buying, as_of=END) -> list[dict]:
    """All delivered rows as read with nothing but the csv module."""
    rows = []
    for data in delivered(buying.feeds[0], as_of).values():
        text = io.StringIO(data.decode("utf-8"), newline="")
        rows += csv.DictReader(text)
    nulls = {"", "-", "NULL", "无"}
    return [{k: None if v in nulls else v for k, v in row.items()} for row in rows]


def test_files_are_monthly_quoted_and_end_lines_as_windows_does(buying):
    books = delivered(buying.feeds[0])
    assert len(books) == 18
    for data in books.values():
        lines = data.split(b"\r\n")
        assert lines.pop() == b""
        assert all(line.startswith(b'"') and line.endswith(b'"') for line in lines)
        assert b"\n" not in b"".join(lines)
    assert len(delivered(buying.feeds[0], moment(2025, 3, 15))) == 2


def test_the_planted_dirt_is_in_the_files(buying):
    rows = rows_of(buying)
    found = dirt(buying)
    export = buying.feeds[0].export
    attached = sum(row["qty_ordered"] == "见附件" for row in rows)
    unpriced = sum(row["std_price"] is None for row in rows)
    early = {
        row["req_line"]
        for row in rows
        if row["po_issued_at"] and row["po_issued_at"] < row["requested_at"]
    }
    assert attached == found["D9", export] == 6
    assert len(early) == found["D7", export] == 5
    assert unpriced == found["D6", export] > 0
    assert any(v is None for row in rows for v in row.values())


@pytest.mark.parametrize("as_of", [END, moment(2026, 3, 15, 2)])
def test_the_truth_equals_what_the_files_say(buying, as_of):
    """Recounted from the delivered bytes in plain Python, month by month."""
    newest = {}
    for row in rows_of(buying, as_of):
        known = newest.get(row["req_line"])
        if row["qty_ordered"] == "见附件":
            continue
        if known is None or row["updated_at"] >= known["updated_at"]:
            newest[row["req_line"]] = row
    last = date(2026, 2, 28) if as_of < END else date(2026, 6, 30)
    cycle, price, due = (defaultdict(Counter) for _ in range(3))
    for row in newest.values():
        asked, issued = row["requested_at"], row["po_issued_at"]
        if row["change_order"] == "Y":
            cycle[(issued or asked)[:7]]["change_order"] += 1
        elif row["cancelled_at"]:
            cycle[(issued or asked)[:7]]["cancelled"] += 1
        elif not issued:
            cycle[last.isoformat()[:7]]["open"] += 1
        elif issued < asked:
            cycle[issued[:7]]["reversed_clock"] += 1
        else:
            took = datetime.fromisoformat(issued) - datetime.fromisoformat(asked)
            cycle[issued[:7]]["num"] += int(took.total_seconds())
            cycle[issued[:7]]["n"] += 1
        got = row["received_date"]
        if got and row["currency"] != "CNY":
            price[got[:7]]["foreign_currency"] += 1
        elif got and row["std_price"] is None:
            price[got[:7]]["no_standard_price"] += 1
        elif got:
            units = int(row["qty_received"])
            price[got[:7]]["num"] += units * int(row["unit_price"].replace(".", ""))
            price[got[:7]]["den"] += units * int(row["std_price"].replace(".", ""))
            price[got[:7]]["n"] += 1
        needed = row["requested_date"]
        if needed > last.isoformat():
            continue
        gone = row["cancelled_at"]
        if gone and row["cancelled_by"] == "us" and gone[:10] <= needed:
            due[needed[:7]]["cancelled_by_us"] += 1
        elif (row["supplier_id"] or "").startswith("INT-"):
            due[needed[:7]]["internal_supplier"] += 1
        else:
            units = int(row["qty_received"] or 0)
            in_time = bool(got) and got <= needed
            due[needed[:7]]["num"] += in_time and units >= int(row["qty_ordered"])
            due[needed[:7]]["n"] += 1
    tally = buying.seen(as_of)
    for kpi, found in (
        (procurement.CYCLE, cycle),
        (procurement.PRICE, price),
        (procurement.ON_TIME, due),
    ):
        for label, seen in months(tally, kpi.code, as_of).items():
            want = found.pop(label)
            assert (seen["num"], seen["n"]) == (want.pop("num", 0), want.pop("n", 0))
            assert seen["open"] == want.pop("open", 0)
            assert seen["den"] == want.pop("den", seen["n"])
            assert seen["excluded"] == +want
        assert not found


# --- counted ----------------------------------------------------------------------


def line(**known: int) -> dict:
    """A line of ten units for domestic money, requested on 10 October 2025."""
    blank = dict.fromkeys((*procurement.TIMES, *procurement.FOLLOWS), NONE)
    usual = {
        "requested": moment(2025, 10, 10, 9),
        "needed": moment(2025, 12, 1) // DAY,
        "change": False,
        "category": 0,
        "ordered": 10,
        "standard": 500,
        "price": 400,
        "currency": procurement.CNY,
        "supplier": 0,
    }
    return {**blank, **usual, **known}


def october(code: str, *lines: dict) -> dict:
    """The cell of October, known at its end."""
    tally = procurement.count(pd.DataFrame(lines), NOVEMBER)
    return months(tally, code, NOVEMBER)["2025-10"]


def test_the_cycle_includes_the_weekend_and_leaves_out_what_is_no_purchase():
    """Friday 9:00 to Sunday 9:00 is 48 hours."""
    sunday = moment(2025, 10, 12, 9)
    cell = october(
        procurement.CYCLE.code,
        line(issued=sunday),
        line(issued=sunday, change=True),
        line(cancelled=sunday),
        line(promised=moment(2025, 11, 1) // DAY),
        line(issued=moment(2025, 10, 10, 8)),
        line(),
    )
    assert cell == parts(
        *(48 * 3_600, 1, 1),
        open=1,
        change_order=1,
        cancelled=1,
        missing_milestone=1,
        reversed_clock=1,
    )


def test_prices_weigh_by_quantity_and_skip_dollars():
    """10 × 4.00 against 10 × 5.00; 7 × 3.00 has no standard; dollars count nowhere."""
    got = {"received": moment(2025, 10, 20, 15), "got": 10}
    lines = [
        line(**got),
        line(**{**got, "got": 7}, price=300, standard=NONE),
        line(**got, currency=procurement.USD, standard=NONE),
        line(),
    ]
    assert october(procurement.PRICE.code, *lines) == parts(
        *(4_000, 5_000, 1), foreign_currency=1, no_standard_price=1
    )
    assert october(procurement.UNIT.code, *lines) == parts(
        *(4_000 + 2_100, 17, 2), foreign_currency=1
    )


def test_in_time_is_all_units_by_the_requested_day():
    """Due on the 15th: whole and in time once; five misses; two are excluded."""
    day = moment(2025, 10, 15)
    needed, got = day // DAY, {"got": 10}
    ours = {"cancelled_by": procurement.US}
    lines = [
        line(needed=needed, received=day + 17 * 3_600, **got),
        line(needed=needed, received=day, got=9),
        line(needed=needed, received=day + DAY, **got),
        line(needed=needed),
        line(needed=needed, cancelled=day + DAY, **ours),
        line(needed=needed, cancelled=day, cancelled_by=procurement.SUPPLIER),
        line(needed=needed, cancelled=day + 23 * 3_600, **ours),
        line(needed=needed, received=day, **got, supplier=procurement.SUPPLIERS),
        line(needed=NOVEMBER // DAY, received=day, **got),
    ]
    cell = october(procurement.ON_TIME.code, *lines)
    assert cell == parts(1, 6, 6, cancelled_by_us=1, internal_supplier=1)
    tally = procurement.count(pd.DataFrame(lines), NOVEMBER)
    assert [*months(tally, procurement.ON_TIME.code, NOVEMBER)] == ["2025-10"]
    assert iso_day(needed) == "2025-10-15"


def test_a_second_receipt_replaces_the_first():
    rows = pd.DataFrame(
        [
            {"received": NONE, "received_first": 5, "got": NONE, "got_first": 3},
            {"received": 9, "received_first": 5, "got": 10, "got_first": 3},
        ]
    )
    known = procurement.received_so_far(rows)
    assert known[["received", "got"]].to_numpy().tolist() == [[5, 3], [9, 10]]
