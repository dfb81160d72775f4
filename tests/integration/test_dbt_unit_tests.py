"""An empty warehouse builds, and every dbt unit test passes in it.

dbt needs the models' tables only to learn their columns, so nothing is loaded. The
nightly build leaves unit tests out: they judge the code, not the data.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from orchestration.build import Candidate, build_candidate, dbt_parse
from orchestration.contract import load_contracts
from orchestration.ledger import Ledger
from orchestration.settings import PROJECT_ROOT, Settings

AS_OF = datetime(2026, 6, 30, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    """The candidate of a night before any export has been delivered."""
    folder = tmp_path_factory.mktemp("empty")
    settings = Settings(home=folder / "home", exports=folder / "exports")
    exports = load_contracts(dbt_parse(settings))
    with Ledger.open(settings.ledger_path) as ledger:
        return build_candidate(settings, ledger, exports, "empty", AS_OF)


def test_a_warehouse_without_any_data_is_whole(empty: Candidate) -> None:
    observed = ("fct_events", "fct_process_instances", "fct_kpi_observations")
    assert {empty.row_counts[name] for name in observed} == {0}
    assert empty.row_counts["dim_kpis"] > 0


def test_every_dbt_unit_test_passes(empty: Candidate) -> None:
    declared = set(empty.manifest["unit_tests"])
    try:
        outcome = dbtRunner().invoke(
            [
                *("--no-send-anonymous-usage-stats", "--quiet"),
                *("--log-path", str(empty.path.parent)),
                *("test", "--select", "resource_type:unit_test"),
                *("--project-dir", str(PROJECT_ROOT)),
                # The profile that the build wrote beside its file.
                *("--profiles-dir", str(empty.path.parent)),
                *("--target-path", str(empty.path.parent / "target")),
            ]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()
    results = outcome.result.results if outcome.result else []
    failed = {
        result.node.name: result.message
        for result in results
        if result.status != "pass"
    }
    assert failed == {}
    assert {result.node.unique_id for result in results} == declared
