"""The whole `takt refresh` is killed, again and again, and nobody repairs anything.

Here: the command as a process with its children, SIGKILLed in every stage. Not here:
each single fault point, which needs no process of its own (`test_publish_faults`).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.ledger import Ledger
from orchestration.locks import EXIT_BUSY, holder
from orchestration.publish import verify
from orchestration.settings import Settings, load_settings
from tests.faults.tiny import contents
from tests.helpers.shop import Shop, open_shop

AS_OF = "2026-03-04T02:00+08:00"
FIRST = ["a,north,100,2026-03-01 10:00:00,Wang", "b,south,50,2026-03-01 11:00:00,Li"]
SECOND = [f"c{number},north,{number},2026-03-02 10:00:00,Wu" for number in range(40)]
# What a reader must find in the end, worked out from the lines above.
TOTAL = (42, 100 + 50 + sum(range(40)))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Version 1 is published from the first day; the second day has come."""
    shop = open_shop(tmp_path_factory.mktemp("killed") / "shop")
    shop.deliver("20260301", FIRST)
    first = shop.takt("refresh", "--as-of", AS_OF)
    assert first.returncode == 0, first.stderr
    shop.deliver("20260302", SECOND)
    return shop


@pytest.fixture
def settings(shop: Shop) -> Settings:
    return load_settings(home=shop.home, exports=shop.root / "exports")


@pytest.fixture
def untouched(settings: Settings) -> Iterator[None]:
    """Version 1 is current and has the same bytes before and after."""

    def version() -> tuple[Path, dict[str, bytes]]:
        with Ledger.open(settings.ledger_path) as ledger:
            found = verify(settings, ledger)
        assert (found.ok, found.version) == (True, 1), found.problems
        folder = (settings.published / "current").resolve()
        return folder, contents(folder)

    before = version()
    yield
    assert version() == before


def start(shop: Shop, fault: str | None = None) -> subprocess.Popen[bytes]:
    environment = dict(shop.environment)
    if fault:
        environment["TAKT_FAULT"] = fault
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration", "refresh", "--as-of", AS_OF],
        cwd=shop.root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def total(settings: Settings) -> tuple[int, int]:
    path = settings.published / "current" / "marts.duckdb"
    with duckdb.connect(str(path.resolve()), read_only=True) as marts:
        return marts.execute("select count(*), sum(cents) from fct_sales").fetchone()


# In the order of a night: each run goes on where the one before was killed.
@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("point", "batches", "verdicts"),
    [
        ("ingest.after_lake", 1, 1),
        ("ingest.after_ledger", 2, 1),
        ("gate.after_verdict", 2, 2),
        ("build.after_node", 2, 2),
        ("publish.after_rename", 2, 2),
    ],
)
def test_a_run_killed_in_any_stage_leaves_the_published_version_alone(
    shop: Shop, settings: Settings, point: str, batches: int, verdicts: int
) -> None:
    assert start(shop, f"{point}:kill").wait(120) == -signal.SIGKILL
    with Ledger.open(settings.ledger_path) as ledger:
        counts = [
            ledger.connection.execute(f"select count(*) from {table}").fetchone()[0]
            for table in ("batches", "verdicts")
        ]
    # The stage before is not done again, the killed one has left nothing half.
    assert counts == [batches, verdicts]
    assert total(settings) == (2, 150)


@pytest.mark.usefixtures("untouched")
def test_a_second_run_gives_way_and_a_hung_first_one_may_be_killed(
    shop: Shop, settings: Settings
) -> None:
    first = start(shop, "run.after_lock:sleep")
    try:
        deadline = time.monotonic() + 120
        while (working := holder(settings)) is None or working["pid"] != first.pid:
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        second = shop.takt("refresh", "--as-of", AS_OF)
        assert second.returncode == EXIT_BUSY
        assert working["run_id"] in second.stderr
    finally:
        first.kill()
        first.wait()


@pytest.mark.usefixtures("untouched")
def test_a_kill_at_a_random_moment_harms_nothing(shop: Shop) -> None:
    """The moment is printed; children of the killed run end by themselves."""
    moment = random.SystemRandom().uniform(1, 5)
    print(f"killed after {moment:.2f} s")
    run = start(shop)
    time.sleep(moment)
    children = descendants(run.pid)
    if run.poll() is None:
        os.kill(run.pid, signal.SIGKILL)
    assert run.wait() in (-signal.SIGKILL, 0)
    deadline = time.monotonic() + 60
    while [pid for pid in children if is_alive(pid)]:
        assert time.monotonic() < deadline, "a child outlived the run"
        time.sleep(0.2)


def test_the_next_run_needs_no_help_and_ends_with_all_rows(
    shop: Shop, settings: Settings
) -> None:
    done = shop.takt("refresh", "--as-of", AS_OF)
    assert done.returncode == 0, done.stderr
    assert total(settings) == TOTAL
    with Ledger.open(settings.ledger_path) as ledger:
        assert verify(settings, ledger).ok
        outcomes = [run.outcome for run in ledger.runs()]
    assert outcomes[0] == "published"
    assert outcomes[-1] == "published"
    assert "running" not in outcomes
    assert {"killed", "busy"} <= set(outcomes)


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
        except OSError:
            continue
    return found


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
