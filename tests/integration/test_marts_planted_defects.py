"""Every dbt test of a published mart is seen to fail on a planted defect.

The compiled SQL of the demo's own build runs on a copy of its marts: it finds nothing
on the published rows, and something as soon as one row is spoilt. What a failing test
does to the version is proved elsewhere (`tests/faults/test_build_refusals.py`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.readback import quoted
from orchestration.settings import PROJECT_ROOT
from tests.helpers.published_demo import Warehouse

# The name of the database that the build compiles against.
CATALOG = "candidate_file"

# Singular tests of the marts, each with statements that it must notice.
SINGULAR = {
    "assert_marts__only_counted_rows_carry_parts": [
        "update fct_kpi_observations set numerator = 1 where state = 'excluded'",
        "update fct_kpi_observations set denominator = null where state = 'counted'",
    ],
    "assert_marts__value_follows_from_its_parts": [
        "update fct_kpi_values set value = 'infinity' where denominator > 0",
        "update fct_kpi_values set value = 0 where coalesce(denominator, 0) = 0",
    ],
    "assert_marts__values_drill_down_to_observations": [
        "delete from fct_kpi_observations where kpi_code = 'orders.same_day_ship_pct'"
        " and subject_id = (select min(subject_id) from fct_kpi_observations"
        "  where kpi_code = 'orders.same_day_ship_pct' and measured_on > '2026-01-01')",
        "update fct_kpi_values set open_count = open_count + 1 where "
        "period_grain = 'month' and kpi_code = 'orders.dispatch_minutes'",
    ],
}


class Marts:
    """The published tables under the name they were built, to be spoilt and undone."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, target: Path) -> None:
        self.connection = connection
        text = (target / "manifest.json").read_text(encoding="utf-8")
        self.nodes: dict[str, Any] = json.loads(text)["nodes"]
        self.compiled = {
            path.name: path.read_text(encoding="utf-8")
            for path in (target / "compiled").rglob("*.sql")
        }
        rows = connection.execute(
            "select table_name, column_name, data_type from "
            f"information_schema.columns where table_catalog = '{CATALOG}'"
        ).fetchall()
        self.types = {(table, column): kind for table, column, kind in rows}
        self.tables = {table for table, _ in self.types}

    def findings(self, test: str) -> int:
        """How many rows the compiled test (a file name) complains of."""
        sql = self.compiled[test].strip()
        return int(
            self.connection.execute(f"select count(*) from ({sql})").fetchone()[0]
        )

    def after(self, act: Callable[[], None], test: str) -> int:
        """Findings with a defect in place, which is undone again."""
        self.connection.execute("begin")
        try:
            act()
            return self.findings(test)
        finally:
            self.connection.execute("rollback")

    def generic_tests(self, table: str) -> Iterator[dict[str, Any]]:
        """Generic tests of a mart whose tables are all published."""
        for node in self.nodes.values():
            if node["resource_type"] != "test" or not node.get("test_metadata"):
                continue
            names = [name.split(".")[-1] for name in node["depends_on"]["nodes"]]
            on = (node["attached_node"] or "").split(".")[-1]
            if on == table and set(names) <= self.tables:
                yield node

    def spoil(self, table: str, node: dict[str, Any]) -> None:
        """Break in one row the promise that the test keeps."""
        kind, column = node["test_metadata"]["name"], node["column_name"]
        where = node["config"].get("where") or "true"
        name = f"{CATALOG}.main.{quoted(table)}"
        if kind in ("unique", "unique_combination"):
            named = f" and {quoted(column)} is not null" if column else ""
            self.connection.execute(
                f"insert into {name} select * from {name} where {where}{named} limit 1"
            )
            return
        value = "null"
        if kind in ("accepted_values", "relationships"):
            text = self.types[table, column] == "VARCHAR"
            value = "'nobody knows this'" if text else "null"
            if self.types[table, column] == "DATE":
                value = "date '1900-01-01'"
            elif not text:
                value = "-1"
        self.connection.execute(
            f"update {name} set {quoted(column)} = {value} where rowid = "
            f"(select min(rowid) from {name} where {where})"
        )


@pytest.fixture(scope="module")
def marts(
    demo_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Marts]:
    copy = tmp_path_factory.mktemp("marts") / "marts.duckdb"
    shutil.copyfile(demo_warehouse.published.folder / "marts.duckdb", copy)
    copy.chmod(0o600)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{copy}' as {CATALOG}")
        connection.execute(f"use {CATALOG}")
        yield Marts(connection, demo_warehouse.company.settings.dbt_target)


def published_models() -> list[str]:
    models = PROJECT_ROOT / "models"
    return sorted(
        p.stem for p in models.rglob("*.sql") if p.stem[:4] in ("dim_", "fct_")
    )


@pytest.mark.parametrize("table", published_models())
def test_every_column_test_of_a_mart_fails_on_one_spoilt_row(
    marts: Marts, table: str
) -> None:
    (rows,) = marts.connection.execute(f"select count(*) from {table}").fetchone()
    if not rows:
        pytest.skip("no row of it in the demo")
    tests = list(marts.generic_tests(table))
    assert tests, f"{table} promises nothing"
    blind = []
    for node in tests:
        name = Path(node["path"]).name
        assert marts.findings(name) == 0, name
        if not marts.after(lambda node=node: marts.spoil(table, node), name):
            blind.append(name)
    assert blind == []


@pytest.mark.parametrize("test", SINGULAR)
def test_every_agreement_between_marts_is_seen_to_break(
    marts: Marts, test: str
) -> None:
    assert marts.findings(f"{test}.sql") == 0
    for defect in SINGULAR[test]:
        found = marts.after(
            lambda defect=defect: marts.connection.execute(defect), f"{test}.sql"
        )
        assert found, defect


def test_no_agreement_between_marts_is_forgotten() -> None:
    folder = PROJECT_ROOT / "tests" / "data" / "marts"
    assert {path.stem for path in folder.glob("*.sql")} == set(SINGULAR)
