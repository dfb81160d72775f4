"""An empty warehouse builds, and every dbt unit test passes in it.

dbt needs the models' tables only to learn their columns, so nothing is loaded. The
nightly build leaves unit tests out: they judge the code, not the data.
"""

from __future__ import annotations

from orchestration.build import Candidate
from tests.helpers.parsed import parsed
from tests.helpers.warehouse import dbt


def test_a_warehouse_without_any_data_is_whole(empty: Candidate) -> None:
    observed = ("fct_events", "fct_process_instances", "fct_kpi_observations")
    assert {empty.row_counts[name] for name in observed} == {0}
    assert empty.row_counts["dim_kpis"] > 0


def test_every_dbt_unit_test_passes(empty: Candidate) -> None:
    declared = set(empty.manifest["unit_tests"])
    command = ["test", "--select", "resource_type:unit_test"]
    outcome = dbt(empty.path.parent, *command, manifest=parsed().manifest)
    results = outcome.result.results if outcome.result else []
    failed = {
        result.node.name: result.message
        for result in results
        if result.status != "pass"
    }
    assert failed == {}
    assert {result.node.unique_id for result in results} == declared
