"""Dagster's event log stays Dagster's: only its databases stay open."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.definitions import instance
from orchestration.event_log import HeldEventLog
from orchestration.settings import Settings


@dg.asset
def orders() -> dg.MaterializeResult:
    """An asset that tells how many rows it has."""
    return dg.MaterializeResult(metadata={"dagster/row_count": 3})


@dg.asset(deps=[orders])
def kpis() -> None:
    """Rests on the other one, so that its version is looked up."""


def night(own: dg.DagsterInstance) -> str:
    return dg.materialize([orders, kpis], instance=own).run_id


def open_databases(folder: Path) -> set[str]:
    """The database files below a folder that this process has open."""
    links = Path("/proc/self/fd").iterdir()
    paths = [link.readlink() for link in links if link.is_symlink()]
    return {
        path.name for path in paths if path.parent == folder and path.suffix == ".db"
    }


def test_dagsters_own_storage_reads_what_was_held_open(settings: Settings) -> None:
    with instance(settings) as own:
        assert isinstance(own.event_log_storage, HeldEventLog)
        run = night(own)
        told = [entry.message for entry in own.all_logs(run)]
        assert not own.get_latest_materialization_event(dg.AssetKey("nothing"))
    assert told
    plain = SqliteEventLogStorage(str(settings.dagster_home / "history" / "runs"))
    assert [entry.message for entry in plain.get_logs_for_run(run)] == told
    records = {one.asset_entry.asset_key: one for one in plain.get_asset_records()}
    assert records.keys() == {dg.AssetKey("orders"), dg.AssetKey("kpis")}
    made = records[dg.AssetKey("orders")].asset_entry.last_materialization
    assert made.asset_materialization.metadata["dagster/row_count"].value == 3
    rests_on = records[dg.AssetKey("kpis")].asset_entry.last_materialization
    assert "dagster/input_data_version/orders" in rests_on.asset_materialization.tags


def test_a_daemon_of_many_nights_has_two_databases_open(settings: Settings) -> None:
    folder = settings.dagster_home / "history" / "runs"
    with instance(settings) as own:
        runs = [night(own) for _ in range(3)]
        assert open_databases(folder) == {"index.db", f"{runs[-1]}.db"}
        # An older night can still be looked at, in place of the newest.
        assert own.all_logs(runs[0])
        assert open_databases(folder) == {"index.db", f"{runs[0]}.db"}
    assert open_databases(folder) == set()
