"""Dagster as it really runs: processes, sockets, a clock that fires, and lineage."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.build import mart_nodes
from orchestration.definitions import (
    JOB_NAME,
    PUBLISHED,
    SCHEDULE_NAME,
    build_definitions,
    node_key,
)
from orchestration.settings import load_settings
from tests.helpers.parsed import parsed
from tests.helpers.shop import Shop, open_shop

GOOD = ["a,north,100,2026-03-01 10:00:00,Wang", "b,south,50,2026-03-01 11:00:00,Li"]
WITHOUT_NUMBERS = [",north,1,2026-03-02 10:00:00,Wu", ",south,2,2026-03-02 10:00:00,He"]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path / "shop")


@contextlib.contextmanager
def running(shop: Shop, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`takt …` in its own process group, ended as Ctrl-C ends it."""
    log = shop.root / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration", *arguments],
            cwd=shop.root,
            env={**shop.environment, "TAKT_AS_OF": "2026-03-02T02:00+08:00"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        family = descendants(process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        # Only what this test has started: code servers have sessions of their own.
        for pid in [process.pid, *family]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def wait_for(condition: Callable[[], object], shop: Shop, seconds: float) -> None:
    """Wait until the condition holds; fail with the output of the command."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            output = (shop.root / "output.log").read_text(errors="replace")
            pytest.fail(f"nothing after {seconds:g} s; the output:\n{output[-5000:]}")
        time.sleep(0.5)


def descendants(pid: int) -> list[int]:
    """All living processes below a process, by the kernel's own tree."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def listening(pids: list[int]) -> set[tuple[str, int]]:
    """(address, port) of every TCP socket that the processes listen on."""
    sockets = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    sockets.add(str(descriptor.readlink()))
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                address, port = fields[1].split(":")
                found.add((_address(address, family), int(port, 16)))
    return found


def _address(text: str, family: socket.AddressFamily) -> str:
    """An address as the kernel prints it: 32-bit words in host order."""
    raw = bytes.fromhex(text)
    words = [raw[place : place + 4][::-1] for place in range(0, len(raw), 4)]
    return socket.inet_ntop(family, b"".join(words))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/server_info", timeout=5
        ) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_the_page_listens_on_loopback_only_and_tells_nobody(shop: Shop) -> None:
    port = free_port()
    with running(shop, "dev", "--port", str(port)) as process:
        wait_for(lambda: answers(port), shop, 180)
        family = [process.pid, *descendants(process.pid)]
        heard = listening(family)
        environments = [
            Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in family
        ]
    assert ("127.0.0.1", port) in heard
    assert {address for address, _ in heard} <= {"127.0.0.1", "::1"}
    assert all(b"DAGSTER_DISABLE_TELEMETRY=yes" in values for values in environments)
    home = shop.home / "dagster"
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert not instance.telemetry_enabled
    assert not list(home.rglob(".telemetry*"))
    assert not list((home / "logs").glob("event.log*"))


def test_a_socket_that_is_open_to_all_is_seen() -> None:
    for family, everywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        with socket.socket(family) as open_to_all:
            open_to_all.bind((everywhere, 0))
            open_to_all.listen()
            port = open_to_all.getsockname()[1]
            assert (everywhere, port) in listening([os.getpid()])


def test_the_daemon_fires_the_schedule_and_the_run_publishes(shop: Shop) -> None:
    code = shop.root / "orchestration" / "definitions.py"
    nightly = code.read_text()
    assert 'NIGHTLY = "0 2 * * *"' in nightly
    code.write_text(nightly.replace('"0 2 * * *"', '"* * * * *"'))
    shop.deliver("20260301", GOOD)
    published = shop.home / "published" / "current"
    home = shop.home / "dagster"

    def finished() -> list[dg.DagsterRun]:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            return instance.get_runs(
                dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])
            )

    with running(shop, "dev", "--daemon-only") as process:
        wait_for(published.exists, shop, 240)
        wait_for(finished, shop, 60)
        heard = listening([process.pid, *descendants(process.pid)])
    assert {address for address, _ in heard} <= {"127.0.0.1", "::1"}
    first = finished()[-1]
    assert first.job_name == JOB_NAME
    assert first.tags["dagster/schedule_name"] == SCHEDULE_NAME
    with duckdb.connect(
        str(published.resolve() / "marts.duckdb"), read_only=True
    ) as db:
        assert db.execute("select count(*) from fct_sales").fetchone() == (2,)
    # The same job by hand sees the same files; a bad one holds back its source alone.
    shop.deliver("20260302", WITHOUT_NUMBERS)
    done = shop.takt("refresh", "--as-of", "2026-03-03T02:00+08:00")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Held back: shop.sales (shop/sales/sales_20260302.csv): sale_no" in (
        done.stdout
    )
    assert done.stderr == ""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dg.AssetGraph]:
    """The manifest of this project and the graph that Dagster makes of it."""
    settings = load_settings(home=tmp_path_factory.mktemp("home"))
    manifest = parsed().contents
    definitions = build_definitions(settings=settings, manifest=manifest)
    return manifest, definitions.resolve_asset_graph()


def test_every_published_mart_comes_from_an_export_or_a_register(project) -> None:
    manifest, graph = project
    seeds = {
        node_key(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "seed"
    }
    marts = {node_key(node) for node in mart_nodes(manifest).values()}
    assert marts
    assert marts <= graph.get(PUBLISHED).parent_keys
    for mart in marts:
        origins = {
            key
            for key in upstream(graph, mart)
            if not graph.get(key).parent_keys and key not in seeds
        }
        assert upstream(graph, mart) & seeds or origins, mart
        assert {key.path[0] for key in origins} <= {"raw"}, mart


def test_every_export_reaches_a_published_mart(project) -> None:
    _manifest, graph = project
    exports = {key for key in graph.get_all_asset_keys() if key.path[0] == "raw"}
    assert exports
    # The facts that the ledger tells of every export show in no figure.
    assert exports <= upstream(graph, PUBLISHED, without="ledger")


def upstream(
    graph: dg.AssetGraph, key: dg.AssetKey, without: str = ""
) -> set[dg.AssetKey]:
    """Everything an asset rests on, not by way of the group `without`."""
    found: set[dg.AssetKey] = set()
    waiting = [key]
    while waiting:
        for parent in graph.get(waiting.pop()).parent_keys:
            if parent not in found and parent.path[0] != without:
                found.add(parent)
                waiting.append(parent)
    return found
