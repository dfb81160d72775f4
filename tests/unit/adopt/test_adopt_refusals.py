"""Each refusal on a small log: its name, column, count and remedy; nothing written.

The logs have 40 cases of four steps, 160 rows; what is wrong is put in by hand.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.adopt.propose import Wishes
from orchestration.adopt.write import AdoptError
from tests.unit.adopt.logs import HEADER, SAID, Desk, rows, tree, written

UNSAID = Wishes(timezone="Asia/Shanghai")


def refused(
    desk: Desk, log: Path, wishes: Wishes, *words: str, yes: bool = True
) -> None:
    """Adopting stops with exit code 3, says all of `words` and writes nothing."""
    before = tree(desk.root)
    assert desk.adopt(log, wishes, yes=yes) == 3, desk.text
    for word in words:
        assert word in desk.text
    assert "Nothing was written" in desk.text
    assert tree(desk.root) == before
    assert not desk.settings.exports.exists()


def kept(desk: Desk, log: Path, wishes: Wishes, *words: str) -> None:
    """Adopting goes on without the part that the data do not support."""
    assert desk.adopt(log, wishes) == 0, desk.text
    for word in words:
        assert word in desk.text


def model(desk: Desk, name: str) -> str:
    """The text of a model of the pack."""
    (path,) = desk.root.rglob(f"{name}.sql")
    return path.read_text(encoding="utf-8")


def test_a_log_without_a_case_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Every row is a call of its own: an agent is no case, and none is invented."""
    calls = [[f"K-{n}", row[1], row[2], row[3]] for n, row in enumerate(rows())]
    log = written(tmp_path, calls, ("Call", "Topic", "Timestamp", "Agent"))
    refused(desk, log, UNSAID, "no_case_id", "4 columns", "160 rows", "--case")


def test_one_moment_per_case_is_no_log(desk: Desk, tmp_path: Path) -> None:
    lines = [[row[0], row[1], rows()[0][2], row[3]] for row in rows()]
    log = written(tmp_path, lines)
    refused(
        desk, log, UNSAID, "no_case_id", "Case ID", "160 rows", "one event per case"
    )


def test_a_case_column_that_is_often_empty_is_refused(
    desk: Desk, tmp_path: Path
) -> None:
    log = written(
        tmp_path, [["", *r[1:]] if n < 8 else r for n, r in enumerate(rows())]
    )
    refused(desk, log, SAID, "no_case_id: Case ID", "8 of 160 rows", "--case")


def test_milestones_need_one_row_per_case(desk: Desk, tmp_path: Path) -> None:
    log = written(tmp_path, rows())
    wishes = replace(
        SAID, activity=(), timestamp=None, milestones=(("x", "Timestamp"),)
    )
    refused(desk, log, wishes, "no_case_id: Case ID", "40 of 40 cases", "--activity")


def test_events_of_several_objects_are_refused(desk: Desk, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonocel"
    log.write_text(json.dumps({"ocel:global-log": {}, "ocel:events": {}}))
    refused(desk, log, UNSAID, "object_centric", "Flatten it")


def test_dates_that_fit_both_orders_are_refused(desk: Desk, tmp_path: Path) -> None:
    """Days 1 to 12 only: 40 cases in 12 days of March and April."""
    ambiguous = [
        [case, step, f"{1 + int(case[2:]) % 12:02}/0{3 + n % 2}/2026 1{n % 4}:00", who]
        for n, (case, step, _, who) in enumerate(rows())
    ]
    log = written(tmp_path, ambiguous)
    refused(desk, log, SAID, "ambiguous_date: Timestamp", "160 cells", "%d/%m/%Y")
    day_first = replace(SAID, timestamp_format=("%d/%m/%Y %H:%M",))
    assert desk.adopt(log, day_first) == 0, desk.text


def test_local_times_need_a_zone(desk: Desk, tmp_path: Path) -> None:
    log = written(tmp_path, rows())
    wishes = replace(SAID, timezone=None)
    refused(desk, log, wishes, "no_timezone: Timestamp", "160 rows", "--timezone")


def test_many_repeated_rows_need_a_word(desk: Desk, tmp_path: Path) -> None:
    """Nine of 169 rows stand twice: real repeats or an export of two halves?"""
    log = written(tmp_path, [*rows(), *rows()[:9]])
    refused(desk, log, SAID, "duplicates: 9 of 169 rows", "--duplicates")
    assert desk.adopt(log, replace(SAID, duplicates="drop")) == 0
    assert "9 dropped as duplicates" in desk.text


def test_few_repeated_rows_are_kept_and_counted(desk: Desk, tmp_path: Path) -> None:
    kept(desk, written(tmp_path, [*rows(), *rows()[:3]]), SAID, "3 rows repeat another")


def test_two_columns_for_one_date_that_swap_day_and_month_are_refused(
    desk: Desk, tmp_path: Path
) -> None:
    """The second column swaps day and month wherever the day is below 13."""
    doubled = []
    for case, step, at, who in rows():
        month, day = at[5:7], at[8:10]
        other = f"{at[:5]}{day}-{month}{at[10:]}" if int(day) < 13 else at
        doubled.append([case, step, at, who, other])
    log = written(tmp_path, doubled, (*HEADER, "Date of entry"))
    swapped = sum(row[2] != row[4] for row in doubled)
    wishes = replace(SAID, timestamp=None)
    refused(
        desk,
        log,
        wishes,
        "contradicting_dates: Timestamp and Date of entry",
        f"{swapped} of 160 rows",
        "--timestamp",
    )
    assert desk.adopt(log, SAID) == 0, desk.text


def test_a_time_that_knows_the_future_is_refused(desk: Desk, tmp_path: Path) -> None:
    last = {row[0]: row[2] for row in rows()}
    log = written(tmp_path, [[*r, last[r[0]]] for r in rows()], (*HEADER, "Closed at"))
    wishes = replace(SAID, timestamp="Closed at")
    refused(desk, log, wishes, "leaks_future: Closed at", "160", "--timestamp")
    kept(desk, log, SAID, "Closed at: one value per case, later than its row in 120")
    contract = (desk.root / "models/staging/claims/_claims__sources.yml").read_text()
    assert "header: Closed at" not in contract


def test_a_constant_is_no_activity(desk: Desk, tmp_path: Path) -> None:
    log = written(tmp_path, [[*row, "event"] for row in rows()], (*HEADER, "Kind"))
    wishes = replace(SAID, activity=("Kind",))
    refused(
        desk, log, wishes, "no_activity: Kind is constant in 160 rows", "--activity"
    )


def test_a_time_that_no_format_reads_is_refused(desk: Desk, tmp_path: Path) -> None:
    log = written(tmp_path, [[*r[:2], f"week {n}", r[3]] for n, r in enumerate(rows())])
    refused(
        desk, log, SAID, "no_timestamp: Timestamp", "160 cells", "--timestamp-format"
    )


def test_a_cost_that_is_no_number_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Every fourth of 160 cells has its currency in it."""
    lines = [[*r, f"{n} EUR" if n % 4 == 0 else f"{n}.5"] for n, r in enumerate(rows())]
    log = written(tmp_path, lines, (*HEADER, "Cost"))
    wishes = replace(SAID, cost="Cost")
    refused(desk, log, wishes, "no_number: Cost", "40 of 160 cells", "decimal point")


def test_what_calls_a_case_off_must_end_it(desk: Desk, tmp_path: Path) -> None:
    log = written(tmp_path, rows())
    before = tree(desk.root)
    message = "--cancelled 'check' is none of the ends: pay. Say --end check as well"
    with pytest.raises(AdoptError, match=message):
        desk.adopt(log, replace(SAID, cancelled=("check",)))
    assert tree(desk.root) == before
    wishes = replace(SAID, end=("pay", "check"), cancelled=("check",))
    assert desk.adopt(log, wishes) == 0, desk.text
    sql = model(desk, "int_claims__instances")
    assert "endings.activity_code in (\n            'check'\n        )" in sql


# ------------------------------------------------- a part is lost, the rest works


def test_impossible_dates_are_rejected_and_counted(desk: Desk, tmp_path: Path) -> None:
    """One step in 1900, two in 2099: three of 160."""
    log = rows()
    log[4][2], log[9][2], log[13][2] = (
        f"{y}-05-05 10:00:00" for y in (1900, 2099, 2098)
    )
    kept(
        desk,
        written(tmp_path, log),
        SAID,
        "impossible_date: Timestamp",
        "3 of 160 rows",
        "157 rows load, 3 are rejected",
    )


def test_days_without_a_time_lose_hours(desk: Desk, tmp_path: Path) -> None:
    log = written(
        tmp_path,
        [[*r[:2], f"2026-03-{1 + n % 20:02}", r[3]] for n, r in enumerate(rows())],
    )
    kept(desk, log, SAID, "date_only: Timestamp", "160 cells", "below a day")


def test_a_status_is_no_end(desk: Desk, tmp_path: Path) -> None:
    log = written(tmp_path, [[*row, "closed"] for row in rows()], (*HEADER, "Status"))
    kept(desk, log, replace(SAID, end=("Status",)), "no_end: Status", "--end", "open")
    assert "cast(null as timestamp) as ended_at" in model(desk, "int_claims__instances")


def test_ends_that_share_a_second_are_named(desk: Desk, tmp_path: Path) -> None:
    """Half of the 40 cases were paid in one second."""
    log = [
        [*r[:2], "2026-06-30 17:00:00", r[3]] if r[1] == "pay" and r[0] < "C-020" else r
        for r in rows()
    ]
    kept(desk, written(tmp_path, log), SAID, "mass_close: 20 of 40 ends (pay)", "--end")


def test_starts_after_their_ends_are_left_out(desk: Desk, tmp_path: Path) -> None:
    """Every tenth step starts after it ended: 16 of 160."""
    log = [
        [*r, "2026-02-01 08:00:00" if n % 10 else "2026-06-20 08:00:00"]
        for n, r in enumerate(rows())
    ]
    path = written(tmp_path, log, (*HEADER, "Start time"))
    wishes = replace(SAID, start="Start time")
    kept(
        desk, path, wishes, "reversed: Start time is later than Timestamp in 16 of 160"
    )
    events = model(desk, "int_claims__events")
    assert "cast(null as timestamp) as started_at" in events


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"only one column\n1\n2\n"])
def test_what_is_no_table_is_refused(
    desk: Desk, tmp_path: Path, content: bytes
) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(content)
    refused(desk, log, UNSAID, "Refused: ")
