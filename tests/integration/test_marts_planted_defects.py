"""Every dbt test of a published mart is seen to fail on a planted defect.

The compiled SQL of the demo's own build runs on a copy of its marts: it finds nothing
on the published rows, and something as soon as one row is spoilt. What a failing test
does to the version is proved elsewhere (`tests/faults/test_build_refusals.py`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Promise:
    """What a test (a file name) holds of columns, and how it says that it is broken."""

    test: str
    kind: str
    columns: tuple[str, ...]
    where: str
    says: str


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

    def findings(self, test: str, says: str = "") -> int:
        """How many rows the compiled test (a file name) returns that begin so."""
        rows = self.connection.execute(self.compiled[test]).fetchall()
        return len([row for row in rows if str(row[0]).startswith(says)])

    def after(self, act: Callable[[], None], test: str, says: str = "") -> int:
        """Findings with a defect in place, which is undone again."""
        self.connection.execute("begin")
        try:
            act()
            return self.findings(test, says)
        finally:
            self.connection.execute("rollback")

    def promises(self, table: str) -> Iterator[Promise]:
        """What generic tests hold of a mart, where their tables are all published."""
        for node in self.nodes.values():
            if node["resource_type"] != "test" or not node.get("test_metadata"):
                continue
            names = [name.split(".")[-1] for name in node["depends_on"]["nodes"]]
            on = (node["attached_node"] or "").split(".")[-1]
            if on == table and set(names) <= self.tables:
                yield from promises_of(node)

    def spoil(self, table: str, promise: Promise) -> None:
        """Break in one row what is promised."""
        name, column = f"{CATALOG}.main.{quoted(table)}", promise.columns[0]
        if promise.kind == "unique":
            self.connection.execute(
                f"insert into {name} select * from {name} where {promise.where} limit 1"
            )
            return
        value = "null"
        if promise.kind != "not_null":
            text = self.types[table, column] == "VARCHAR"
            value = "'nobody knows this'" if text else "-1"
            if self.types[table, column] == "DATE":
                value = "date '1900-01-01'"
        self.connection.execute(
            f"update {name} set {quoted(column)} = {value} where rowid = "
            f"(select min(rowid) from {name} where {promise.where})"
        )


def promises_of(node: dict[str, Any]) -> Iterator[Promise]:
    """One promise for each column of `columns_hold`, or the one of another test."""
    test, kwargs = Path(node["path"]).name, node["test_metadata"]["kwargs"]
    kind, where = node["test_metadata"]["name"], node["config"].get("where") or "true"
    if kind != "columns_hold":
        yield Promise(test, kind, (kwargs["column_name"],), where, "")
        return
    for column in kwargs.get("not_null", []):
        yield Promise(test, "not_null", (column,), where, f"{column} is not null")
    for column in kwargs.get("accepted_values", {}):
        yield Promise(test, "accepted_values", (column,), where, f"{column} in (")
    for key in kwargs.get("unique", []):
        columns = (key,) if isinstance(key, str) else tuple(key)
        yield Promise(test, "unique", columns, where, f"unique ({', '.join(columns)})")


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
    promises = list(marts.promises(table))
    assert promises, f"{table} promises nothing"
    blind = []
    for one in promises:
        assert marts.findings(one.test) == 0, one
        if not marts.after(lambda one=one: marts.spoil(table, one), one.test, one.says):
            blind.append(one)
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
