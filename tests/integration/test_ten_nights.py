"""The last ten nights of June, one by one, against one refresh over everything.

What arrives when, in how many files and how often must not matter; a night with a bad
file must hold back exactly the KPIs it feeds, and say so wherever somebody looks.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.freshness import ExportState, export_states
from orchestration.gate import judge_new
from orchestration.ingest import ingest_arrivals
from orchestration.ledger import Ledger
from orchestration.locks import run_lock
from orchestration.publish import verify
from tests.helpers import truth
from tests.helpers.published_demo import (
    SCALE,
    SEED,
    Company,
    Published,
    Warehouse,
    company,
    run_takt,
)
from tests.unit.gate.frames import contracts

EXPORTS = contracts()
NIGHTS = [datetime.fromisoformat(f"2026-06-{day}T02:00+08:00") for day in range(22, 31)]
NIGHTS.append(datetime.fromisoformat("2026-07-01T02:00+08:00"))
BAD_NIGHT = NIGHTS[3]
BAD_FILE = "wms/picks_20260624.csv.gz"
STALE_KPI = "orders.pick_accuracy_pct"
# Which batch a row came in; everything else must not depend on it.
LINEAGE = {
    "dim_exports": {"last_batch_id", "batches_in_force", "reliability_score"},
    "fct_events": {"batch_id"},
}
# They tell what earlier nights have published, and one refresh has no earlier night.
HISTORY = {"fct_findings", "fct_kpi_publications"}


@dataclass
class Story:
    """What the ten nights left behind."""

    company: Company
    truth: dict[str, Any]
    states: dict[datetime, dict[str, ExportState]] = field(default_factory=dict)
    published: dict[datetime, Published] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    bad_truth: dict[str, Any] = field(default_factory=dict)
    known_then: set[int] = field(default_factory=set)
    intact_then: bool = False
    read_by_the_old_reader: tuple[int, int] = (0, 0)
    pending: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exports(self) -> Path:
        return self.company.settings.exports

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with Ledger.open(self.company.settings.ledger_path, check=False) as ledger:
            yield ledger

    def deliver(self, source: Path, night: datetime) -> None:
        """What came since the night before, and what nobody planned."""
        due = [f for f in self.pending if _delivered(f) <= night]
        self.pending = [f for f in self.pending if _delivered(f) > night]
        for path in {file["path"] for file in due}:
            _copy(source / path, self.exports / path)
        if night.day == 23:
            split(self.exports / "carrier/shipments_20260622.jsonl", header=False)
            split(self.exports / "erp/orders/orders_20260622.csv", header=True)
        if night.day == 24:
            old = self.exports / "telephony/calls_202603.csv"
            _copy(old, old.with_name("calls_202603_copy.csv"))
            shorten(self.exports / "erp/orders/orders_20260623.csv")
        if night.day == 27:
            again = "erp/orders/orders_20260623.csv"
            _copy(source / again, self.exports / again)

    def begin(self, home: Path, source: Path) -> None:
        """Start with what `home` has read and judged of the first night's files."""
        settings = self.company.settings
        shutil.copytree(home / settings.lake.relative_to(settings.home), settings.lake)
        for file in self.pending:
            if _delivered(file) <= NIGHTS[0]:
                _copy(source / file["path"], self.exports / file["path"])
        self.pending = [f for f in self.pending if _delivered(f) > NIGHTS[0]]
        later = json.dumps(sorted({file["path"] for file in self.pending}))
        with self.ledger() as ledger:
            other = str(home / settings.ledger_path.name)
            ledger.connection.execute("attach ? as other", (other,))
            with ledger.transaction() as write:
                write.execute("insert into facts select * from other.facts")
                write.execute(
                    "insert into files select * from other.files "
                    "where path not in (select value from json_each(?))",
                    (later,),
                )
                write.execute(
                    "insert into batches select * from other.batches "
                    "where file_id in (select file_id from main.files)"
                )
                for table in ("rejects", "verdicts"):
                    write.execute(
                        f"insert into {table} select * from other.{table} "
                        "where batch_seq in (select seq from main.batches)"
                    )

    def judge(self, night: datetime) -> None:
        """Ingest and gate, without building anything."""
        settings, exports = self.company.settings, list(EXPORTS.values())
        run_id = f"{night:%m%d}"
        with self.ledger() as ledger, run_lock(settings, ledger, run_id):
            ingest_arrivals(settings, ledger, exports, run_id)
            judge_new(settings, ledger, exports, run_id, workers=0)
        self.look(night)

    def look(self, night: datetime) -> None:
        with self.ledger() as ledger:
            states = export_states(ledger, EXPORTS.values(), night)
        self.states[night] = {state.export_code: state for state in states}


def _delivered(file: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(file["delivered_at"])


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def split(path: Path, *, header: bool) -> None:
    """The records of a file, every second one in another file of the same period."""
    lines = path.read_bytes().splitlines(keepends=True)
    head, lines = (lines[:1], lines[1:]) if header else ([], lines)
    assert len(lines) > 4
    for name, part in (("a", lines[::2]), ("b", lines[1::2])):
        target = path.with_name(f"{path.stem}_{name}{path.suffix}")
        target.write_bytes(b"".join([*head, *part]))
        os.utime(target, (0, 0))
    path.unlink()


def shorten(path: Path) -> None:
    """An export that was drawn too early: the last records are missing."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]))
    os.utime(path, (0, 0))


@pytest.fixture(scope="module")
def story(demo_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Story:
    from demo import generate

    folder = tmp_path_factory.mktemp("nights")
    source = demo_warehouse.company.settings.exports
    told = Story(company(folder), demo_warehouse.truth)
    told.pending = list(told.truth["files"])
    settings = told.company.settings
    told.begin(demo_warehouse.company.settings.home, source)
    for night in NIGHTS:
        told.deliver(source, night)
        if night == BAD_NIGHT:
            told.published[night] = told.company.refresh(night.isoformat())
            told.look(night)
            for words in (["status"], ["gate", "wms.picks"]):
                at = ("--as-of", night.isoformat()) if words == ["status"] else ()
                told.said[words[0]] = run_takt(settings, *words, *at).stdout
            with told.ledger() as ledger:
                told.known_then = {
                    batch.seq
                    for one in EXPORTS.values()
                    for batch in ledger.batches(one)
                }
        elif night == NIGHTS[-1]:
            before = told.published[BAD_NIGHT]
            with before.marts() as reader:
                count = "select count(*) from fct_kpi_observations"
                (first,) = reader.execute(count).fetchone()
                told.published[night] = told.company.refresh(night.isoformat())
                (second,) = reader.execute(count).fetchone()
            told.read_by_the_old_reader = first, second
            with told.ledger() as ledger:
                told.intact_then = verify(settings, ledger, before.version).ok
            told.look(night)
        else:
            told.judge(night)
    generate(folder / "then", folder / "then.json", SEED, SCALE, BAD_NIGHT.isoformat())
    told.bad_truth = truth.read(folder / "then.json")
    return told


@pytest.fixture(scope="module")
def bad_night(story: Story) -> Published:
    return story.published[BAD_NIGHT]


# ---------------------------------------------------------------- the bad night


def test_the_run_of_the_bad_night_publishes_and_ends_with_3(
    bad_night: Published,
) -> None:
    assert bad_night.exit_code == 3
    lines = bad_night.output.splitlines()
    (pick,) = (line for line in lines if line.startswith("Pick accuracy"))
    assert "stale, data to 2026-06-24 00:00" in pick
    (held,) = (line for line in lines if line.startswith("Held back"))
    assert f"wms.picks ({BAD_FILE}): order_no: column values to not be null" in held
    assert "Its KPIs stay at 2026-06-24 00:00 and are marked stale" in bad_night.output


def test_status_and_gate_say_which_file_and_why(story: Story) -> None:
    assert "gate failed" in story.said["status"]
    for text in story.said.values():
        assert BAD_FILE in text
        assert "A line without order is missing from its order's accuracy" in text
    assert "FAIL" in story.said["gate"]


def test_exactly_the_kpis_of_the_bad_file_are_stale(
    story: Story, bad_night: Published
) -> None:
    """`nights` of the truth names them and up to when they know."""
    (night,) = (n for n in story.truth["nights"] if n["file"] == BAD_FILE)
    rows = bad_night.rows(
        "select distinct kpi_code, is_stale, data_as_of + interval 8 hour "
        "from fct_kpi_values"
    )
    known = {kpi: (stale, until) for kpi, stale, until in rows}
    simulated = {kpi for kpi in known if kpi in story.truth["kpis"]}
    stale = {kpi for kpi in simulated if known[kpi][0]}
    assert stale == set(night["stale"]) == {STALE_KPI}
    for kpi, facts in night["stale"].items():
        until = datetime.fromisoformat(facts["data_as_of"]).replace(tzinfo=None)
        assert known[kpi][1] == until
    # Fed by the other daily exports of the same orders.
    for kpi in ("orders.dispatch_minutes", "orders.processing_minutes"):
        assert known[kpi] == (False, datetime(2026, 6, 25))


def test_the_numbers_of_the_bad_night_equal_the_truth_of_that_night(
    story: Story, bad_night: Published
) -> None:
    with bad_night.marts() as marts:
        found = truth.published(marts)
    kpis = {key[0] for key in found}
    assert STALE_KPI in kpis
    expected = truth.expected(story.bad_truth, kpis)
    # The orders that the short export of the 23rd still owes are not known yet.
    late = {"2026-06", "2026-06-22", "2026-Q2", "2026-H1"}
    wrong = {
        key: pair
        for key, pair in truth.differences(expected, found).items()
        if not (key[0].startswith(("orders.", "quality.")) and key[2] in late)
    }
    assert not wrong, truth.shown(wrong)


# ---------------------------------------------------------------- night by night


def test_every_night_each_daily_export_is_whole_to_midnight_but_the_bad_one(
    story: Story,
) -> None:
    for night, states in story.states.items():
        midnight = night.replace(hour=0)
        for code, state in states.items():
            if state.cadence != "daily":
                continue
            is_bad = (code, night) == ("wms.picks", BAD_NIGHT)
            until = midnight - timedelta(days=1) if is_bad else midnight
            assert (code, night, state.data_as_of) == (code, night, until)
            assert (state.is_held, state.is_stale) == (is_bad, is_bad)
            assert state.stale_reason == ("gate_failed" if is_bad else None)


def test_a_month_is_whole_when_its_file_is_there(story: Story) -> None:
    for night, states in story.states.items():
        last = datetime(2026, 7 if night.month == 7 else 6, 1, tzinfo=night.tzinfo)
        monthly = [one for one in states.values() if one.cadence == "monthly"]
        assert monthly
        for state in monthly:
            found = (night, state.export_code, state.data_as_of)
            assert found == (night, state.export_code, last)


# ---------------------------------------------------------------- the last night


def tables(marts: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of every published table that do not name a batch or a run."""
    found: dict[str, list[str]] = {}
    for table, column in marts.execute(
        "select table_name, column_name from information_schema.columns "
        "where table_name <> 'takt_version' order by table_name, ordinal_position"
    ).fetchall():
        if table not in HISTORY and column not in LINEAGE.get(table, ()):
            found.setdefault(table, []).append(column)
    return found


@pytest.mark.proves("M5")
def test_ten_nights_end_with_the_rows_of_one_refresh(
    story: Story, demo_warehouse: Warehouse
) -> None:
    with duckdb.connect() as both:
        for name, version in (
            ("nightly", story.published[NIGHTS[-1]]),
            ("at_once", demo_warehouse.published),
        ):
            both.execute(
                f"attach '{version.folder / 'marts.duckdb'}' as {name} (read_only)"
            )
        both.execute("use nightly")
        compared = tables(both)
        both.execute("use at_once")
        assert tables(both) == compared
        for table, columns in compared.items():
            names = ", ".join(columns)
            one, other = (
                f"(select {names} from {name}.main.{table})"
                for name in ("nightly", "at_once")
            )
            (missing, surplus) = both.execute(
                f"select (select count(*) from {other}) - (select count(*) from {one}),"
                f" (select count(*) from ({one} except all {other}))"
            ).fetchone()
            # As many rows on both sides, and none that only one of them has.
            assert (table, missing, surplus) == (table, 0, 0)


def test_only_columns_that_name_batches_have_other_checksums(
    story: Story, demo_warehouse: Warehouse
) -> None:
    """The files came in another order, in two parts, twice and in a wrong version."""
    nightly, at_once = (
        {
            (mart, column): facts
            for mart, seen in version.manifest["marts"].items()
            if mart not in HISTORY
            for column, facts in seen["columns"].items()
        }
        for version in (story.published[NIGHTS[-1]], demo_warehouse.published)
    )
    assert nightly.keys() == at_once.keys()
    other = {key for key, facts in nightly.items() if at_once[key] != facts}
    assert other <= {(mart, name) for mart, names in LINEAGE.items() for name in names}
    assert ("fct_events", "batch_id") in other


def test_the_same_exports_again_make_no_batch_and_no_verdict(story: Story) -> None:
    def everything(ledger: Ledger) -> list[tuple]:
        return [
            tuple(row)
            for table in ("batches", "verdicts", "files")
            for row in ledger.connection.execute(f"select * from {table} order by 1")
        ]

    settings, exports = story.company.settings, list(EXPORTS.values())
    with story.ledger() as ledger:
        before = everything(ledger)
        with run_lock(settings, ledger, "again"):
            report = ingest_arrivals(settings, ledger, exports, "again")
            judged = judge_new(settings, ledger, exports, "again", workers=0)
        assert everything(ledger) == before
        assert judged.judged == []
        assert {(one.loaded, one.refused) for one in report.exports.values()} == {
            (0, 0)
        }
        in_force = {
            (batch.code, batch.batch_id, batch.period)
            for export in exports
            for batch in ledger.batches_in_force(export)
        }
    batches = story.published[NIGHTS[-1]].manifest["batches"]
    assert in_force == {
        (f"{b['source']}.{b['export']}", b["raw_sha256"], b["period"]) for b in batches
    }


def test_yesterday_changes_only_where_a_new_file_speaks_of_it(story: Story) -> None:
    """Every order of which no later file has a row keeps all its numbers.

    What is open or not decided is left out: time alone may move it.
    """
    with story.ledger() as ledger, duckdb.connect() as lake:
        spoken_of: set[str] = set()
        for code in ("erp.orders", "wms.picks", "carrier.shipments", "survey.delivery"):
            for batch in ledger.batches(EXPORTS[code]):
                if batch.seq not in story.known_then:
                    path = story.company.settings.home / batch.lake_path
                    rows = lake.execute(f"select distinct order_no from '{path}'")
                    spoken_of |= {number for (number,) in rows.fetchall()}
    settled = (
        "select kpi_code, subject_id, segment_code, measured_on, numerator, "
        "denominator, state, exclusion_reason from fct_kpi_observations "
        "where kpi_code like 'orders.%' and state in ('counted', 'excluded') "
        "and kpi_code <> 'orders.delivery_satisfaction_score'"
    )
    before, after = (
        {(row[0], row[1]): row[2:] for row in story.published[night].rows(settled)}
        for night in (BAD_NIGHT, NIGHTS[-1])
    )
    changed = {key for key, row in before.items() if after.get(key) != row}
    assert {order for _, order in changed} <= spoken_of
    # Late scans, returns and the re-export restate days that were published before.
    closed = date(2026, 6, 20)
    assert any(before[key][1] < closed for key in changed)
    assert len(changed) < len(before) / 10


# ---------------------------------------------------------------- readers


def test_a_reader_keeps_its_version_and_a_new_one_sees_the_new(story: Story) -> None:
    first, second = story.read_by_the_old_reader
    assert first == second > 0
    last = story.published[NIGHTS[-1]]
    current = (story.company.settings.published / "current").resolve()
    assert current == last.folder
    assert last.version == story.published[BAD_NIGHT].version + 1
    assert story.intact_then
    (count,) = last.rows("select count(*) from fct_kpi_observations")[0]
    assert count > second
