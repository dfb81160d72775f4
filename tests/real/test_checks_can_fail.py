"""Each check that an overlay brings is seen to fail on a planted defect."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.real.nights import FULL_AS_OF, Night
from tests.real.project import OVERLAYS
from tests.real.workbench import DATABASE, Workbench

# Test, and the relation whose rows must all be found in the others it reads.
CHECKS = {
    "assert_incidents__every_incident_is_an_instance": (
        "stg_servicenow__incident_updates"
    ),
    "assert_incidents__every_update_is_an_event": "stg_servicenow__incident_updates",
    "assert_jobs__no_step_is_lost": "stg_shopfloor__steps",
    "assert_loans__no_application_is_lost": "stg_bank__changes",
    "assert_loans__pairing_loses_no_change": "stg_bank__changes",
    "assert_marketplace__every_part_finds_its_order": "",
    "assert_marketplace__no_order_is_lost": "stg_olist__orders",
    "assert_permits__no_request_is_lost": "stg_town__tasks",
    "assert_problems__no_problem_is_lost": "stg_vinst__problem_changes",
    "assert_retail__no_document_is_lost": "stg_till__documents",
    "assert_supply__no_line_is_lost": "stg_scms__deliveries",
    "assert_support__no_incident_is_lost": "stg_vinst__incident_changes",
}
# Parts of an order, which the check looks for an order of: fewer are no defect.
PARTS = {
    "stg_olist__order_items",
    "stg_olist__order_payments",
    "stg_olist__order_reviews",
}


# What the published version has the rows of.
MARTS = ("fct_", "dim_", "kpi_")


@pytest.fixture(scope="module")
def workbench(full_night: Night, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """The models of the full night; with rows what checks read and nobody publishes."""
    made = Workbench(
        tmp_path_factory.mktemp("workbench") / f"{DATABASE}.duckdb",
        full_night.project,
        full_night.project.home,
        compiled_as_of=FULL_AS_OF,
        as_of=FULL_AS_OF,
    )
    checks = made.singular_tests()
    read = {name for check in CHECKS for name in made.reads(checks[check])}
    made.build(*(name for name in read if not name.startswith(MARTS)))
    return made


def rows_of(relation: str, process: str) -> str:
    """SQL of the published rows that a check of one process reads."""
    if relation.startswith("kpi_"):
        code = relation.removeprefix("kpi_").replace("__", ".", 1)
        return f"from marts.fct_kpi_observations where kpi_code = '{code}'"
    return f"from marts.{relation} where process_code = '{process}'"


def test_every_check_of_an_overlay_is_planted() -> None:
    brought = {path.stem for path in OVERLAYS.glob("*/tests/data/**/*.sql")}
    assert brought == set(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_a_row_missing_anywhere_is_found(
    workbench: Workbench, full_night: Night, tmp_path: Path, check: str
) -> None:
    node = workbench.singular_tests()[check]
    process = check.removeprefix("assert_").split("__")[0]
    findings = f"select count(*) from ({workbench.compiled(node)})"
    spoiled = tmp_path / workbench.path.name
    shutil.copyfile(workbench.path, spoiled)
    with duckdb.connect(str(spoiled)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{full_night.marts}' as marts (read_only)")
        for relation in workbench.reads(node):
            if relation.startswith(MARTS):
                connection.execute(f"drop table {relation}")
                rows = rows_of(relation, process)
                connection.execute(f"create table {relation} as {rows}")
        assert connection.execute(findings).fetchone() == (0,)
        for relation in set(workbench.reads(node)) - {CHECKS[check]} - PARTS:
            connection.execute("begin")
            connection.execute(f"delete from {relation} where rowid = 0")
            (found,) = connection.execute(findings).fetchone()
            assert found > 0, f"{relation} lost a row unseen"
            connection.execute("rollback")


def test_every_unit_test_of_an_overlay_passes(
    workbench: Workbench, tmp_path: Path
) -> None:
    """dbt needs the relations only for their columns: empty ones will do."""
    stems = {path.stem for path in OVERLAYS.glob("*/models/**/*.sql")}
    declared = {
        key
        for key, test in workbench.manifest["unit_tests"].items()
        if test["model"] in stems
    }
    database = tmp_path / workbench.path.name
    shutil.copyfile(workbench.path, database)
    outputs = {"bench": {"type": "duckdb", "path": str(database), "threads": 2}}
    profile = {"takt": {"target": "bench", "outputs": outputs}}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profile))
    done = workbench.project.python(
        *("-c", "from dbt.cli.main import cli; cli()"),
        *("--no-send-anonymous-usage-stats", "--log-path", str(tmp_path)),
        *("test", "--resource-type", "unit_test", "--select", *sorted(stems)),
        *("--profiles-dir", str(tmp_path), "--target-path", str(tmp_path / "target")),
    )
    results = json.loads((tmp_path / "target" / "run_results.json").read_text())
    states = {row["unique_id"]: row["status"] for row in results["results"]}
    assert states == dict.fromkeys(declared, "pass"), done.stdout[-5000:]
    assert len(declared) > 40
