"""What the raw views show of the lake."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.build import raw_view_sql
from orchestration.contract import Export
from orchestration.ledger import Ledger
from tests.faults.tiny import (
    TinySettings,
    deliver,
    differences,
    exports_of,
    judge,
    night,
    sale,
    tiny_settings,
)

ROW = {"sale_no": "a", "shop_code": "north", "cents": 1}


def view(
    export: Export, settings: TinySettings
) -> tuple[list[str], list[tuple[object, ...]]]:
    """Columns and rows of the raw view over everything the ledger has in force."""
    with Ledger.open(settings.ledger_path) as ledger, duckdb.connect() as connection:
        connection.execute("create schema takt")
        connection.execute(
            "create table takt.batches_in_force "
            "(export_code varchar, batch_id varchar, period varchar)"
        )
        files = []
        for batch in ledger.batches_in_force(export):
            connection.execute(
                "insert into takt.batches_in_force values (?, ?, ?)",
                [batch.code, batch.batch_id, batch.period],
            )
            files.append(settings.home / batch.lake_path)
        cursor = connection.execute(
            f"select * from ({raw_view_sql(export, files)}) order by all"
        )
        return [c[0] for c in cursor.description], cursor.fetchall()


@pytest.fixture
def empty(tmp_path: Path) -> TinySettings:
    return tiny_settings(tmp_path / "home")


def test_a_view_without_batches_is_empty_and_typed(empty: TinySettings) -> None:
    export = exports_of(empty)["sales"]
    with duckdb.connect() as connection:
        described = connection.execute(
            f"describe {raw_view_sql(export, [])}"
        ).fetchall()
    assert [(row[0], row[1]) for row in described] == [
        ("sale_no", "VARCHAR"),
        ("shop_code", "VARCHAR"),
        ("cents", "BIGINT"),
        ("sold_at", "TIMESTAMP"),
        ("_batch_id", "VARCHAR"),
        ("_period", "VARCHAR"),
        ("_record_no", "BIGINT"),
    ]


def test_rows_alike_in_every_column_are_one_row_of_the_smallest_batch(
    empty: TinySettings,
) -> None:
    export = exports_of(empty)["sales"]
    rows = [sale("a"), sale("n", None, shop_code=None)]
    paths = [deliver(empty, export, p, rows) for p in ("20260301", "20260302")]
    columns, found = view(export, empty)
    assert len(found) == 2
    smallest = min(path.name[:64] for path in paths)
    assert {row[columns.index("_batch_id")] for row in found} == {smallest}


def test_an_export_that_keeps_duplicates_or_versions_shows_them_all(
    empty: TinySettings,
) -> None:
    exports = exports_of(empty)
    keep = exports["sales"].model_copy(update={"exact_duplicates": "keep"})
    for period in ("20260301", "20260302"):
        deliver(empty, keep, period, [sale("a")])
        deliver(empty, exports["returns"], period, [{"sale_no": "a"}])
    # Built by a copy: the cached hash is the one of the original.
    assert len(view(keep, empty)[1]) == 2
    assert len(view(exports["returns"], empty)[1]) == 2


def test_a_file_under_a_hostile_home_is_read_as_itself(tmp_path: Path) -> None:
    """A glob or a quote in a folder name is a name; `id=9` adds no column."""
    settings = tiny_settings(tmp_path / "o[1]*'; drop--" / "sale_no=9" / "home")
    other = tiny_settings(tmp_path / "o1" / "home")
    for one in (settings, other):
        sales = exports_of(one)["sales"]
        deliver(one, sales, "20260301", [sale("a")])
        deliver(one, sales, "20260302", [sale("b", sold_at=datetime(2026, 3, 2))])
        night(one, "first")
    assert (
        differences(
            settings.published / "versions" / "1", other.published / "versions" / "1"
        )
        == {}
    )


@pytest.mark.parametrize("verdict", ["FAIL", "ERROR", None])
def test_a_batch_without_a_good_verdict_feeds_nothing(
    verdict: str | None, tiny: TinySettings
) -> None:
    """The held export keeps its last rows and says that it is stale."""
    sales = exports_of(tiny)["sales"]
    deliver(tiny, sales, "20260303", [sale("held")], verdict=verdict)
    done = night(tiny, "next")
    assert done.version is not None
    with duckdb.connect(str(done.version.path / "marts.duckdb"), read_only=True) as c:
        sold = c.execute("select sale_no from fct_sales order by 1").fetchall()
        assert [row[0] for row in sold] == ["a", "b", "c"]
        assert c.execute(
            "select is_stale from fct_freshness where export_code = 'shop.sales'"
        ).fetchall() == [(True,)]


def test_a_verdict_of_other_bytes_admits_nothing(empty: TinySettings) -> None:
    sales = exports_of(empty)["sales"]
    deliver(empty, sales, "20260301", [sale("a")])
    deliver(empty, sales, "20260302", [sale("b")], verdict=None)
    with Ledger.open(empty.ledger_path) as ledger:
        judge(ledger, 2, "PASS")
        with ledger.transaction() as write:
            write.execute("update verdicts set lake_sha256 = 'x' where batch_seq = 2")
    night(empty, "first")
    assert [row[0] for row in view(sales, empty)[1]] == ["a"]


def test_arrival_order_changes_no_row(tmp_path: Path) -> None:
    batches = {
        "20260301": [sale("a"), sale("b")],
        "20260302": [sale("b"), sale("c", shop_code="south")],
        "20260303": [sale("d", None)],
    }
    homes = []
    for name, order in (("one", list(batches)), ("two", list(batches)[::-1])):
        settings = tiny_settings(tmp_path / name)
        sales = exports_of(settings)["sales"]
        for period in order:
            deliver(settings, sales, period, batches[period])
        night(settings, "first")
        homes.append(settings.published / "versions" / "1")
    assert differences(*homes) == {}
