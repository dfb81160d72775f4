"""The models of a published night as views over its lake, to plant defects in.

A published version holds marts only. Here every model of the project is a view of what
dbt compiled, over the batches that were in force, so that a check can be run on sound
data and then on data from which a row is missing. Nothing is computed until asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
from conftest import Night

from orchestration.build import raw_view_sql
from orchestration.contract import load_contracts
from orchestration.ledger import Ledger

# The name that compiled SQL gives the build file.
DATABASE = "candidate_file"


@dataclass(frozen=True)
class Workbench:
    """A database file of views, and the manifest that says what they are."""

    path: Path
    night: Night

    @cached_property
    def manifest(self) -> dict[str, Any]:
        text = (self.night.project.home / "target" / "manifest.json").read_text()
        return json.loads(text)

    @property
    def marts(self) -> Path:
        """The file that was published."""
        versions = self.night.project.home / "published" / "versions"
        return versions / str(self.night.version) / "marts.duckdb"

    def compiled(self, node: dict[str, Any]) -> str:
        """What dbt made of a model or test."""
        return (self.night.project.root / node["compiled_path"]).read_text()

    def singular_tests(self) -> dict[str, dict[str, Any]]:
        """Singular tests by name."""
        return {
            node["name"]: node
            for node in self.manifest["nodes"].values()
            if node["resource_type"] == "test" and "test_metadata" not in node
        }

    def reads(self, node: dict[str, Any]) -> list[str]:
        """Names of the models that a model or test reads."""
        return [key.split(".")[-1] for key in node["depends_on"]["nodes"]]

    def build(self) -> None:
        """Create every view; the registers are tables, as dbt makes them."""
        project = self.night.project
        exports = load_contracts(self.manifest)
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach '{self.marts}' as marts (read_only)")
            connection.execute("create schema takt")
            connection.execute(
                "create table takt.export_states as from marts.dim_exports"
            )
            connection.execute("detach marts")
            connection.execute(
                "create table takt.batches_in_force"
                " (export_code varchar, batch_id varchar, period varchar)"
            )
            with Ledger.open(project.home / "ledger.sqlite") as ledger:
                for export in exports:
                    batches = ledger.batches_in_force(export)
                    for batch in batches:
                        connection.execute(
                            "insert into takt.batches_in_force values (?, ?, ?)",
                            [export.code, batch.batch_id, batch.period],
                        )
                    files = [project.home / b.lake_path for b in batches]
                    connection.execute(f"create schema if not exists {export.source}")
                    connection.execute(
                        f"create view {export.source}.{export.name} as "
                        + raw_view_sql(export, files)
                    )
            self._models(connection)

    def _models(self, connection: duckdb.DuckDBPyConnection) -> None:
        nodes = self.manifest["nodes"]
        order = TopologicalSorter(
            {
                key: node["depends_on"]["nodes"]
                for key, node in nodes.items()
                if node["resource_type"] == "model"
            }
        )
        missing = set()
        for key in order.static_order():
            node = nodes.get(key)
            if node is None:
                continue
            if missing & set(node["depends_on"].get("nodes", ())):
                missing.add(key)
            elif node["resource_type"] == "seed":
                path = self.night.project.root / node["original_file_path"]
                connection.execute(
                    f"create table {node['name']} as from "
                    f"read_csv('{path}', all_varchar = true, header = true)"
                )
            elif node["language"] == "python":
                missing.add(key)
            else:
                connection.execute(
                    f"create view {node['name']} as {self.compiled(node)}"
                )
