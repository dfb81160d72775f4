"""A warehouse in which a test gives the rows of some tables and builds others.

Starts as a copy of the empty warehouse: every table is there, none has rows, registers
are the project's own. Here belongs what several tests of models share; no expectation
does.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

from orchestration.settings import PROJECT_ROOT
from tests.helpers.parsed import parsed


@dataclass(frozen=True)
class Warehouse:
    """One build file and the profile beside it."""

    path: Path

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            yield connection

    def load(self, table: str, rows: str | list[Mapping[str, Any]]) -> None:
        """Replace the rows of a table; CSV text or mappings, missing columns are NULL.

        A view becomes a table of the same columns.
        """
        if isinstance(rows, str):
            lines = "\n".join(line.strip() for line in rows.strip().splitlines())
            rows = [
                {name: cell or None for name, cell in row.items()}
                for row in csv.DictReader(io.StringIO(lines))
            ]
        with self.connect() as connection:
            emptied(connection, table)
            names = list(rows[0]) if rows else []
            places = ", ".join("?" for _ in names)
            # A transaction for each row would take longer than most models.
            connection.begin()
            for row in rows:
                connection.execute(
                    f"insert into {table} ({', '.join(names)}) values ({places})",
                    [row[name] for name in names],
                )
            connection.commit()

    def load_arrow(self, table: str, rows: pyarrow.Table) -> None:
        """As `load`, for more rows than one would write down."""
        with self.connect() as connection:
            emptied(connection, table)
            connection.register("given", rows)
            connection.execute(f"insert into {table} by name select * from given")

    def run(self, *select: str, as_of: str = "2026-06-30 18:00:00") -> None:
        """Build the selected models; fails the test where dbt does."""
        folder = self.path.parent
        variables = f"{{as_of: '{as_of}', timezone: Asia/Shanghai}}"
        command = ["run", "--select", *select, "--vars", variables]
        outcome = dbt(folder, *command, manifest=parsed().manifest)
        results = outcome.result.results if outcome.result else []
        messages = [r.message for r in results if r.status != "success"]
        assert outcome.success, messages or outcome.exception
        assert results, f"nothing is called {select}"

    def compiled(self, *select: str, as_of: str) -> dict[str, str]:
        """The query of each selected SQL model, in the order in which they build.

        For a test of many nights: running them needs no dbt.
        """
        folder = self.path.parent
        variables = f"{{as_of: '{as_of}', timezone: Asia/Shanghai}}"
        command = ["compile", "--select", *select, "--vars", variables]
        outcome = dbt(folder, *command, manifest=parsed().manifest)
        assert outcome.success, outcome.exception
        queries = {one.node.name: one.node.compiled_code for one in outcome.result}
        return {name: queries[name] for name in select}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query answers."""
        with self.connect() as connection:
            return connection.execute(sql).fetchall()


def emptied(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make a table or view a table of the same columns without rows."""
    kind = connection.execute(
        "select table_type from information_schema.tables "
        "where table_schema = 'main' and table_name = ?",
        [table],
    ).fetchone()
    connection.execute(f"create temp table empty as from {table} limit 0")
    drop = "view" if kind == ("VIEW",) else "table"
    connection.execute(f"drop {drop} {table}")
    connection.execute(f"create table {table} as from empty")
    connection.execute("drop table empty")


def dbt(
    folder: Path, *arguments: str, manifest: Manifest | None = None
) -> dbtRunnerResult:
    """Run dbt on the project with the profile of a folder; leaves no file open."""
    try:
        return dbtRunner(manifest=manifest).invoke(
            [
                *("--no-send-anonymous-usage-stats", "--quiet"),
                *("--log-path", str(folder)),
                *arguments,
                *("--project-dir", str(PROJECT_ROOT)),
                *("--profiles-dir", str(folder)),
                *("--target-path", str(folder / "target")),
            ]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()


def copy_warehouse(source: Path, folder: Path) -> Warehouse:
    """A private copy of a build file, with a profile that points at it."""
    target = folder / source.name
    shutil.copyfile(source, target)
    profile = yaml.safe_load((source.parent / "profiles.yml").read_text())
    (output,) = next(iter(profile.values()))["outputs"].values()
    output["path"] = str(target)
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    return Warehouse(target)
