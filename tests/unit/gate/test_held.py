"""Which files hold an export back, and up to when its data is whole then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from orchestration.freshness import ExportState, export_states
from orchestration.gate import to_judge
from orchestration.ingest import ingest_arrivals
from orchestration.ledger import Batch, Ledger
from orchestration.refresh import why_held
from orchestration.settings import Settings
from tests.unit.gate.frames import GOOD, SUITE_HASH, contracts, deliver

PICKS = contracts()["wms.picks"]
ZONE = ZoneInfo("Asia/Shanghai")


class Nights:
    """Deliveries of picks by day of June 2026, judged as the test says."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self.settings, self.ledger = settings, ledger
        self.rows = 0

    def deliver(self, day: int, verdict: str | None, revision: int = 1) -> Batch:
        self.rows += 1
        batch = deliver(
            self.settings,
            self.ledger,
            PICKS,
            GOOD["wms.picks"](self.rows),
            f"202606{day:02}",
            revision=revision,
        )
        if verdict is not None:
            self.judge(batch, verdict)
        return batch

    def judge(self, batch: Batch, verdict: str) -> None:
        self.ledger.record_verdict(
            batch,
            suite_hash=SUITE_HASH,
            verdict=verdict,
            expected=1,
            evaluated=1,
            results={"reasons": ["38 % without order."]},
            run_id="r",
        )

    def keep(self, *names: str) -> None:
        """The exports folder holds these files and no other."""
        self.ledger.mark_present(PICKS, [f"wms/picks_202606{n}.csv.gz" for n in names])

    def state(self, day: int) -> ExportState:
        """At 02:00 of a day in June."""
        as_of = datetime(2026, 6, day, 2, tzinfo=ZONE)
        return export_states(self.ledger, [PICKS], as_of)[0]

    def held(self) -> list[str]:
        """The days (and revisions) that hold the export back."""
        found = self.ledger.held_files(PICKS)
        return [str(f.file["path"])[16:].removesuffix(".csv.gz") for f in found]

    def whole_to(self, day: int) -> int | None:
        """The day of June at whose beginning the data ends, at 02:00 of `day`."""
        moment = self.state(day).data_as_of
        return None if moment is None else moment.astimezone(ZONE).day


@pytest.fixture
def nights(settings: Settings) -> Iterator[Nights]:
    with Ledger.open(settings.ledger_path) as ledger:
        yield Nights(settings, ledger)


def test_a_failed_night_holds_until_its_revision_is_admitted(nights: Nights) -> None:
    """As the night of 25 June and the next one: 23rd whole, then as if never failed."""
    nights.deliver(23, "PASS")
    nights.deliver(24, "FAIL")
    state = nights.state(25)
    assert (state.is_held, state.is_stale, state.stale_reason) == (
        True,
        True,
        "gate_failed",
    )
    assert nights.whole_to(25) == 24
    (held,) = why_held(nights.ledger, PICKS, state)
    assert (held.path, held.message) == (
        "wms/picks_20260624.csv.gz",
        "38 % without order.",
    )
    nights.deliver(24, "PASS", revision=2)
    nights.deliver(25, "PASS")
    state = nights.state(26)
    assert (state.is_held, state.is_stale, state.stale_reason) == (False, False, None)
    assert nights.whole_to(26) == 26


def test_a_bad_file_is_judged_again_until_its_revision_is_admitted(
    nights: Nights,
) -> None:
    """Another suite may admit it; once its day is told by another file, none can."""
    nights.deliver(23, "PASS")
    bad = nights.deliver(24, "FAIL")
    assert to_judge(nights.ledger, PICKS) == [(bad, SUITE_HASH)]
    worse = nights.deliver(24, "FAIL", revision=2)
    assert (worse, SUITE_HASH) in to_judge(nights.ledger, PICKS)
    nights.deliver(24, "PASS", revision=3)
    assert to_judge(nights.ledger, PICKS) == []


def test_later_good_files_do_not_hide_a_hole(nights: Nights) -> None:
    """Data after a missing day would turn what it should have told into misses."""
    for day, verdict in ((22, "PASS"), (23, "FAIL"), (24, "PASS"), (25, "PASS")):
        nights.deliver(day, verdict)
    state = nights.state(26)
    assert (state.is_held, state.stale_reason) == (True, "gate_failed")
    assert state.newest_verdict == "PASS"
    assert nights.held() == ["23"]
    assert nights.whole_to(26) == 23


def test_the_earliest_of_several_holes_counts(nights: Nights) -> None:
    for day, verdict in ((21, "PASS"), (22, "ERROR"), (23, "PASS"), (24, None)):
        nights.deliver(day, verdict)
    assert nights.held() == ["22", "24"]
    assert nights.whole_to(25) == 22


def test_removing_the_bad_file_ends_the_hold_and_its_return_renews_it(
    nights: Nights,
) -> None:
    for day, verdict in ((22, "PASS"), (23, "FAIL"), (24, "PASS")):
        nights.deliver(day, verdict)
    nights.keep("22", "24")
    assert nights.held() == []
    assert not nights.state(25).is_stale
    assert nights.whole_to(25) == 25
    nights.keep("22", "23", "24")
    assert nights.held() == ["23"]


def test_a_refused_file_holds_until_it_is_taken_away(nights: Nights) -> None:
    """Nobody could read it, so its day is missing; taken away, it is forgotten."""
    good = nights.deliver(23, "PASS")
    nights.deliver(25, "PASS")
    nights.ledger.record_file(
        source="wms",
        export="picks",
        path="wms/picks_20260624.csv.gz",
        logical_name="wms/picks_20260624.csv.gz",
        revision=1,
        period="20260624",
        covers_until="2026-06-24T16:00:00.000000Z",
        contract_hash=good.contract_hash,
        reading_hash="r",
        outcome="refused",
        refusal_code="truncated",
        refusal_message="the archive breaks off",
        first_seen_at="2026-06-24T17:00:00.000000Z",
        run_id="r",
    )
    state = nights.state(26)
    assert (state.is_held, state.stale_reason) == (True, "refused")
    assert nights.whole_to(26) == 24
    (held,) = why_held(nights.ledger, PICKS, state)
    assert held.message == "truncated: the archive breaks off"
    assert len(nights.ledger.refusals(PICKS)) == 1
    nights.keep("23", "25")
    assert not nights.state(26).is_stale
    assert nights.whole_to(26) == 26
    assert nights.ledger.refusals(PICKS) == []


def test_an_admitted_file_that_is_archived_stays_in_force(nights: Nights) -> None:
    nights.deliver(23, "PASS")
    nights.deliver(24, "PASS")
    nights.keep()
    assert not nights.state(25).is_stale
    assert nights.state(25).batches_in_force == 2


def test_a_bad_revision_holds_but_leaves_no_hole(nights: Nights) -> None:
    """What it corrects is known, in its earlier state."""
    nights.deliver(23, "PASS")
    nights.deliver(23, "FAIL", revision=2)
    nights.deliver(24, "PASS")
    assert nights.held() == ["23_r2"]
    assert nights.whole_to(25) == 25


def test_a_late_first_revision_does_not_hold_after_the_second_was_admitted(
    nights: Nights,
) -> None:
    nights.deliver(23, "PASS", revision=2)
    nights.deliver(23, "FAIL")
    assert nights.held() == []


def test_a_copy_of_a_replaced_file_holds_nothing(nights: Nights) -> None:
    bad = nights.deliver(24, "FAIL")
    nights.deliver(24, "PASS", revision=2)
    columns = ("source", "export", "sha256", "contract_hash", "period", "covers_until")
    home = nights.ledger.connection.execute(
        "select * from files where file_id = ?", (bad.file_id,)
    ).fetchone()
    nights.ledger.record_file(
        **{name: home[name] for name in columns},
        path="wms/picks_20260624_copy.csv.gz",
        logical_name="wms/picks_20260624_copy.csv.gz",
        revision=1,
        reading_hash="r",
        outcome="known",
        first_seen_at=home["first_seen_at"],
        run_id="r",
    )
    assert nights.held() == []
    nights.keep("24", "24_copy")
    # Without the correction the copy is as bad as the file itself.
    assert nights.held() == ["24", "24_copy"]


def test_equal_empty_files_are_deliveries_of_their_days(settings: Settings) -> None:
    """A weekend: two files without rows, byte for byte the same, and a copy of one."""
    import gzip

    header = ",".join(column.in_file for column in PICKS.columns) + "\n"
    folder = settings.exports / "wms"
    folder.mkdir(parents=True)
    for name in ("20260627", "20260628", "20260628_copy"):
        content = gzip.compress(header.encode(), mtime=0)
        (folder / f"picks_{name}.csv.gz").write_bytes(content)
    with Ledger.open(settings.ledger_path) as ledger:
        nights = Nights(settings, ledger)
        report = ingest_arrivals(settings, ledger, [PICKS], "r").exports[PICKS.code]
        assert (report.loaded, report.known) == (2, 1)
        saturday, sunday = ledger.batches(PICKS)
        assert saturday.lake_path == sunday.lake_path
        for batch in (saturday, sunday):
            nights.judge(batch, "PASS")
        assert nights.whole_to(29) == 29
        assert not nights.state(29).is_late
        again = ingest_arrivals(settings, ledger, [PICKS], "r2").exports[PICKS.code]
        assert (again.loaded, again.known) == (0, 3)
