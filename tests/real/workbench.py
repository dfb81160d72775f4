"""The models that a night compiled, laid over a lake without running dbt.

A published version holds marts only, and a night takes long. Here every model of the
project is created from what dbt compiled for it, over the batches in force in some
home: with their rows, as the night itself would have built them at another as-of
moment, or empty except for those in which a defect is to be planted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from orchestration.build import batches_to_use, write_sources
from orchestration.contract import Export, load_contracts
from orchestration.ledger import Ledger
from orchestration.settings import Settings
from tests.helpers.project_copy import Project

# The name that compiled SQL gives the build file.
DATABASE = "candidate_file"


@dataclass(frozen=True)
class Workbench:
    """A database file over the lake of `home`, as of a moment.

    `compiled_as_of` is the moment for which `project` compiled its models last.
    """

    path: Path
    project: Project
    home: Path
    compiled_as_of: datetime
    as_of: datetime

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What dbt knows of the project."""
        return json.loads((self.project.home / "target/manifest.json").read_text())

    @cached_property
    def exports(self) -> list[Export]:
        """The contracts of the project."""
        return load_contracts(self.manifest)

    def compiled(self, node: dict[str, Any]) -> str:
        """What dbt made of a model or test, for this moment."""
        folder = self.project.home / "target/compiled" / node["package_name"]
        text = (folder / node["original_file_path"]).read_text()
        return text.replace(_literal(self.compiled_as_of), _literal(self.as_of))

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

    def build(self, *names: str) -> None:
        """Create a table of every model in SQL: these and what they read have rows."""
        filled = self._with_parents(names)
        settings = Settings(home=self.home)
        with Ledger.open(settings.ledger_path) as ledger:
            write_sources(
                self.path,
                self.exports,
                batches_to_use(settings, ledger, self.exports),
                ledger,
                self.as_of,
                code="of the workbench",
                options={},
            )
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            self._models(connection, filled)

    def _with_parents(self, names: Iterable[str]) -> set[str]:
        nodes = self.manifest["nodes"]
        waiting = [key for key, node in nodes.items() if node["name"] in names]
        found: set[str] = set()
        while waiting:
            key = waiting.pop()
            if key in nodes and nodes[key]["name"] not in found:
                found.add(nodes[key]["name"])
                waiting += nodes[key]["depends_on"].get("nodes", ())
        return found

    def _models(self, connection: duckdb.DuckDBPyConnection, filled: set[str]) -> None:
        nodes = self.manifest["nodes"]
        order = TopologicalSorter(
            {
                key: node["depends_on"]["nodes"]
                for key, node in nodes.items()
                if node["resource_type"] == "model"
            }
        )
        missing: set[str] = set()
        for key in order.static_order():
            node = nodes.get(key)
            if node is None:
                continue
            if missing & set(node["depends_on"].get("nodes", ())):
                missing.add(key)
            elif node["resource_type"] == "seed":
                path = self.project.root / node["original_file_path"]
                connection.execute(
                    f"create table {node['name']} as from "
                    f"read_csv('{path}', all_varchar = true, header = true)"
                )
            elif node["language"] == "python":
                missing.add(key)
            else:
                rows = f"select * from ({self.compiled(node)})"
                if node["name"] not in filled:
                    rows += " limit 0"
                connection.execute(f"create table {node['name']} as {rows}")


def _literal(moment: datetime) -> str:
    """A moment as models that are told it write it down."""
    return f"'{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
