"""Parsers that die, writers that are slow, disks that are full, kills at any moment."""

from __future__ import annotations

import errno
import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration import faults
from orchestration.ingest import IngestError
from orchestration.ledger import Ledger
from orchestration.readers.pool import ParserPool
from orchestration.settings import Settings, load_settings
from tests.faults.tiny import fault, in_child
from tests.helpers.ingesting import Site, column, export

CSV = export(allow_empty=True)
GOOD = b"order_no,amount\nA1,10\n"
POINTS = sorted(name for name in faults.NAMES if name.startswith("ingest."))


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    with Ledger.open(settings.ledger_path) as ledger:
        yield Site(settings, ledger)


def deliver_three(site: Site) -> None:
    for day in (1, 2, 3):
        rows = "".join(f"A{day}{number},{number}\n" for number in range(day))
        site.put(f"orders_2026060{day}.csv", f"order_no,amount\n{rows}".encode())


def state_of(home: Path) -> dict[str, Any]:
    """What a run leaves that matters: lake bytes and batches, by content."""
    with Ledger.open(home / "ledger.sqlite") as ledger:
        batches = [
            (b.batch_id, b.lake_sha256, b.rows_in, b.loaded, b.rejected, b.duplicates)
            for b in ledger.batches(CSV)
        ]
        integrity = ledger.connection.execute("pragma integrity_check").fetchone()[0]
    lake = {path.name: path.read_bytes() for path in (home / "lake").rglob("*.parquet")}
    return {"batches": batches, "lake": lake, "integrity": integrity}


def ingest_once(home: Path, exports: Path, point: str = "") -> None:
    """One run in a process of its own, with a fault if one is named."""
    if point:
        os.environ[faults.VARIABLE] = point
    settings = load_settings(home=home, exports=exports, settle_seconds=0)
    with Ledger.open(settings.ledger_path) as ledger:
        Site(settings, ledger).ingest(CSV)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_anywhere_is_finished_by_the_next(
    site: Site, tmp_path: Path, point: str, nth: int
) -> None:
    deliver_three(site)
    exports, never = site.settings.exports, tmp_path / "never"
    ingest_once(never, exports)
    killed = tmp_path / "killed"
    assert in_child(ingest_once, killed, exports, f"{point}:kill:{nth}") == -9
    ingest_once(killed, exports)
    assert state_of(killed) == state_of(never)
    assert not (killed / "ingest").exists()


@pytest.mark.parametrize("point", POINTS)
def test_a_full_disk_stops_the_run_and_blames_no_file(site: Site, point: str) -> None:
    deliver_three(site)
    with fault(f"{point}:enospc"), pytest.raises(IngestError, match="No space left"):
        site.ingest(CSV)
    assert site.ledger.refusals(CSV) == []
    site.ingest()
    assert len(site.batches) == 3


def test_a_disk_that_fills_while_rows_are_written_blames_no_file(site: Site) -> None:
    deliver_three(site)

    class FullDisk:
        def __enter__(self) -> FullDisk:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def run(self, tasks: Any) -> Iterator[Any]:
            next(iter(tasks))
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(IngestError, match="No space left"):
        site.ingest(CSV, pool=FullDisk())
    assert site.ledger.refusals(CSV) == []


def test_a_parser_that_dies_or_hangs_costs_only_its_own_file(site: Site) -> None:
    deliver_three(site)
    site.put("orders_20260604.csv", b"CRASH")
    site.put("orders_20260605.csv", b"LOOP")
    pool = ParserPool(2**28, file_seconds=3, module="tests.helpers.bad_parser")
    report = site.ingest(CSV, pool=pool).exports[CSV.code]
    assert (report.loaded, report.refused) == (3, 2)
    assert site.outcome("orders_20260604.csv") == "parser_crash"
    assert site.outcome("orders_20260605.csv") == "parser_timeout"
    # Two attempts were enough: they stay aside until bytes or contract change.
    assert site.ingest(CSV, pool=pool).exports[CSV.code].known == 5


def test_a_file_is_taken_when_its_slow_writer_has_ended(site: Site) -> None:
    site.settings = site.settings.model_copy(update={"settle_seconds": 0.5})
    name, stop = "orders_20260601.csv", threading.Event()
    path = site.put(name, b"order_no,amount\n", age=int(time.time()))

    def trickle() -> None:
        number = 0
        while not stop.is_set():
            with path.open("a") as file:
                file.write(f"A{number},{number}\n")
            number += 1
            time.sleep(0.05)

    writer = threading.Thread(target=trickle)
    writer.start()
    try:
        for _ in range(2):
            assert site.ingest(CSV).waiting == [f"shop/{name}"]
            assert site.outcome(name) == "unseen"
    finally:
        stop.set()
        writer.join()
    site.ingest()
    assert site.batch.loaded == path.read_text().count("\n") - 1


def test_a_private_copy_belongs_to_its_owner_alone_and_is_gone_afterwards(
    site: Site,
) -> None:
    modes: list[int] = []

    class Looking:
        def __enter__(self) -> Looking:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def run(self, tasks: Any) -> Iterator[Any]:
            from orchestration.readers.worker import answer

            for task in tasks:
                modes.extend(
                    p.stat().st_mode & 0o777 for p in (task.raw, task.work.parent)
                )
                yield task, answer(task)

    site.put("orders_20260601.csv", GOOD)
    site.ingest(CSV, pool=Looking())
    assert modes == [0o600, 0o700]
    assert not (site.settings.home / "ingest").exists()
    lake = site.settings.home / site.batch.lake_path
    assert lake.stat().st_mode & 0o777 == 0o400


# ------------------------------------------------------------------ memory

ROWS = 400_000
WIDE = export(
    column("order_no"), column("amount", "integer"), column("note"), encoding="gb18030"
)


def peak_of_ingest(home: Path, exports: Path, told: Path) -> None:
    """Ingest with the smallest memory there is; say the largest process's peak."""
    settings = load_settings(
        home=home, exports=exports, settle_seconds=0, memory_limit="256MB"
    )
    with Ledger.open(settings.ledger_path) as ledger:
        site = Site(settings, ledger)
        site.ingest(WIDE, pool=ParserPool(2**28, 1))
        assert site.batch.loaded == ROWS
    peaks = (
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    told.write_text(str(max(peaks) * 1024))


def test_a_large_file_streams_in_bounded_memory(site: Site, tmp_path: Path) -> None:
    """What the database may have, and not much more; the text and its rows as Python
    has them would not fit in there."""
    note = "一二三四五六七八九十" * 8
    path = site.put("orders_20260601.csv", b"order_no,amount,note\n")
    with path.open("a", encoding="gb18030") as file:
        for number in range(ROWS):
            file.write(f"A{number},{number},{note}{number}\n")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    told = tmp_path / "peak"
    code = in_child(
        peak_of_ingest, tmp_path / "big", site.settings.exports, told, seconds=240
    )
    assert code == 0
    assert int(told.read_text()) < 420 * 2**20
