"""Leads: the planted conversion, the dirt, and the counters on cases worked by hand."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from demo import leads
from demo.clock import DAY, NONE, load_calendars, moment
from demo.company import account
from demo.truth import periods
from demo.world import World

CALENDARS = load_calendars()
END = moment(2026, 7, 1, 2)


@pytest.fixture(scope="module")
def sales():
    """Leads at a fifth of the usual volume."""
    return leads.build(World(CALENDARS, seed=7, scale=0.2))


def rendered(feed, as_of=END) -> dict[str, bytes]:
    """Bytes by path of everything delivered by a moment, copies left out."""
    numbers = [n for n in feed.written(as_of) if not feed.files[n].copy_of]
    files = [(feed.files[n], feed.rows_of(n)) for n in numbers]
    return {file.path: feed.render(rows, file) for file, rows in files}


def test_conversion_rises_but_misses_its_target(sales):
    """PL14: 13 % against 1.15 times the 12 % of 2025; young cohorts are undecided."""
    kpis = account([sales], END)["kpis"]
    months = kpis["leads.conversion_pct"]["month"]
    parts = {"2025": [0, 0], "2026": [0, 0]}
    for label, cell in months.items():
        if label >= "2025":
            parts[label[:4]][0] += cell["all"]["true"]["num"]
            parts[label[:4]][1] += cell["all"]["true"]["den"]
    assert parts["2025"][0] / parts["2025"][1] == pytest.approx(0.12, abs=0.01)
    assert parts["2026"][0] / parts["2026"][1] == pytest.approx(0.13, abs=0.01)
    assert months["2026-04"]["all"]["observable"]["undecided"] == 0
    for label in ("2026-05", "2026-06"):
        seen = months[label]["all"]["observable"]
        assert seen["n"] == 0
        assert seen["undecided"] > 0
    seen = [c["all"]["observable"] for k, c in months.items() if k[:4] == "2025"]
    base = sum(one["num"] for one in seen) / sum(one["den"] for one in seen)
    assert months["2025-12"]["all"]["target"] is None
    assert months["2026-01"]["all"]["target"] == pytest.approx(115 * base)
    [found] = sales.findings(kpis)
    assert found["undecided"] == ["2026-05", "2026-06"]


def test_without_the_plant_nothing_is_found():
    off = World(CALENDARS, seed=7, scale=0.2, without=frozenset({"PL14"}))
    process = leads.build(off)
    assert account([process], END)["findings"] == []


def test_files_come_monthly_and_one_comes_twice(sales):
    crm, contacts = sales.feeds
    paths = [crm.files[n].path for n in crm.written(END)]
    assert len(paths) == 19
    assert "crm/leads_202509_copy.csv" in paths
    assert len(contacts.written(END)) == 18
    earlier = [crm.files[n].path for n in crm.written(moment(2025, 3, 1, 2))]
    assert earlier == ["crm/leads_202501.csv", "crm/leads_202502.csv"]


def test_the_csv_is_as_the_crm_writes_it(sales):
    books = rendered(sales.feeds[0])
    usual, moved = books["crm/leads_202509.csv"], books["crm/leads_202510.csv"]
    assert usual.startswith(b"\xef\xbb\xbflead_id;source;created_at")
    frames = [
        pd.read_csv(io.BytesIO(one), sep=";", dtype=str, encoding="utf-8-sig")
        for one in (usual, moved)
    ]
    assert list(frames[0]) != list(frames[1])
    assert set(frames[0]) == set(frames[1])
    assert frames[1]["created_at"].str.fullmatch(r"\d\d\.\d\d\.20\d\d \d\d:\d\d").all()
    ended = frames[0]["won_at"].notna() | frames[0]["lost_at"].notna()
    assert (frames[0]["stage"].isin(["won", "lost"]) == ended).all()


def test_followups_are_parquet_in_utc(sales):
    books = rendered(sales.feeds[1])
    table = pq.read_table(io.BytesIO(books["crm/followups_202503.parquet"]))
    assert str(table.schema.field("at").type) == "timestamp[us, tz=UTC]"
    local = table["at"].to_pandas().dt.tz_convert("Asia/Shanghai")
    assert set(local.dt.strftime("%Y%m")) == {"202503"}


def test_a_resumed_lead_is_no_longer_lost(sales):
    rows = sales.feeds[0].rows
    given_up = (rows["dropped"] >= 0) & (rows["resumed"] < 0)
    assert (rows["lost"] == rows["dropped"])[given_up].all()
    back = rows[rows["resumed"] >= 0]
    assert (back["lost"] < 0).any()
    assert (back["lost"] != back["dropped"]).all()


def test_an_earlier_moment_knows_less(sales):
    crm = sales.feeds[0]
    as_of = moment(2025, 10, 1, 2)
    rows = crm.in_force(as_of)
    assert rows["updated"].max() < moment(2025, 10, 1)
    cells = account([sales], as_of)["kpis"]["leads.conversion_pct"]["month"]
    assert cells["2025-07"]["all"]["observable"]["undecided"] == 0
    assert cells["2025-09"]["all"]["observable"]["n"] == 0
    later = cells["2025-10"]["all"]["observable"]
    assert later["n"] + later["undecided"] == 0


def one_lead(**times: int) -> dict:
    """A lead of source web with the given times."""
    blank = dict.fromkeys((*leads.TIMES, "duplicate_of"), NONE)
    return {**blank, "source": 0, "test": False, **times}


def counted(cases: list[dict], contacts: list[tuple], now: int, size: int = 0) -> dict:
    """KPI → month → observable parts of hand-made leads and follow-ups."""
    size = max(size, len(cases))
    known = pd.DataFrame(cases)
    known["case"] = np.arange(len(cases))
    followups = pd.DataFrame(contacts, columns=["case", "at", "kind"], dtype=int)
    tally = leads.count(CALENDARS["office"], size, known, followups, now)
    kpis = (leads.ASSIGNMENT, leads.CONVERSION, leads.FOLLOW_UPS)
    return {
        kpi.code: {
            label: cells["all"]["observable"]
            for label, cells in periods(kpi, tally, tally, now // DAY, "month").items()
        }
        for kpi in kpis
        if kpi.code in tally.parts
    }


def parts(num: int, den: int, n: int, **rest: object) -> dict:
    blank = {"open": 0, "undecided": 0, "excluded": {}}
    return {"num": num, "den": den, "n": n, **blank, **rest}


def test_assignment_is_counted_in_office_hours():
    """Wed 30 April 17:00 → Tue 6 May 10:00 over the holiday: 1 h + 1 h.

    A duplicate and a test lead are excluded, a quoted lead without assignment misses
    its milestone, one that waits is open on the last covered day, 31 May.
    """
    may = moment(2025, 5, 12, 10)
    cases = [
        one_lead(created=moment(2025, 4, 30, 17), assigned=moment(2025, 5, 6, 10)),
        one_lead(created=may, assigned=may + 60, duplicate_of=0),
        one_lead(created=may, assigned=may + 60, test=True),
        one_lead(created=may, quoted=may + 60),
        one_lead(created=may, assigned=may - 60),
        one_lead(created=moment(2025, 4, 29)),
    ]
    found = counted(cases, [], moment(2025, 6, 1))
    excluded = dict.fromkeys(
        ("duplicate_lead", "test_record", "missing_milestone", "reversed_clock"), 1
    )
    assert found["leads.assignment_hours"] == {
        "2025-05": parts(7_200, 1, 1, open=1, excluded=excluded)
    }


def test_a_conversion_counts_within_sixty_days_and_once_they_are_over():
    """Created on 1 March 2025 at 10:00: over on 30 April at 10:00, included."""
    created, now = moment(2025, 3, 1, 10), moment(2025, 5, 1)
    window = 60 * DAY
    cases = [
        one_lead(created=created, won=created + window),
        one_lead(created=created, won=created + window + 60),
        one_lead(created=created, lost=created + DAY),
        one_lead(created=now - window, lost=now - DAY),
        one_lead(created=now - window + 60, won=now - DAY),
    ]
    found = counted(cases, [], now)["leads.conversion_pct"]
    assert found == {"2025-03": parts(1, 4, 4, undecided=1)}


def test_follow_ups_are_contacts_per_working_lead_day():
    """Assigned on Friday 7, lost on Tuesday 11 March: three lead-days.

    Two calls on Friday and one on Sunday count, the one after the close too; mail is
    automatic; a contact of a lead that nobody exported lacks its assignment.
    """
    friday = moment(2025, 3, 7, 10)
    case = one_lead(created=friday, assigned=friday, lost=friday + 4 * DAY)
    contacts = [
        (0, friday + 60, 0),
        (0, friday + 120, 0),
        (0, friday + 180, leads.AUTOMATIC),
        (0, friday + 2 * DAY, 2),
        (0, friday + 5 * DAY, 1),
        (1, friday, 0),
    ]
    found = counted([case], contacts, moment(2025, 4, 1), size=2)
    excluded = {"automatic": 1, "missing_milestone": 1}
    assert found["leads.followups_per_week"] == {
        "2025-03": parts(4, 3, 5, excluded=excluded)
    }


def test_an_open_lead_has_lead_days_to_the_last_covered_day():
    """Assigned on Monday 3 March, seen to the end of Monday 10 March: six days."""
    monday = moment(2025, 3, 3, 10)
    case = one_lead(created=monday, assigned=monday)
    found = counted([case], [], moment(2025, 3, 11))["leads.followups_per_week"]
    assert found == {"2025-03": parts(0, 6, 6)}
