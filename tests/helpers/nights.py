"""Nights one after another over one warehouse: what each finds and adds to the ledger.

Here: building the models of the review as of a night, appending its publications and
telling its alerts, undisturbed or cut short once at every step. Not here: what the
figures of a night are, and what is expected of it.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from orchestration import alerts, faults, notify
from orchestration.ledger import Ledger
from orchestration.publications import (
    append_publications,
    create_publications,
    read_new_publications,
)
from orchestration.settings import PROJECT_ROOT
from tests.helpers.warehouse import Warehouse

MODELS = (
    "int_kpi_data_states",
    "int_review_series",
    "fct_kpi_status",
    "int_alert_conditions",
    "fct_alert_states",
    "fct_alert_episodes",
    "int_alert_contributors",
    "dim_alert_routes",
    "fct_alert_evaluations",
    "int_publication_changes",
    "int_publications_new",
    "fct_kpi_publications",
    "int_findings_publications",
)
# What finds something in them; some of these models are in Python.
FINDING_MODELS = (
    "int_review_history",
    "int_review_trends",
    "int_review_cases",
    "int_review_levels",
    "int_target_lines",
    "int_target_proposals",
    "int_targets_judged",
    "fct_target_checks",
    "int_intervention_weeks",
    "int_intervention_effects",
    "fct_improvement_checks",
    "int_counter_weeks",
    "int_counter_trends",
    "fct_counter_checks",
    "int_target_records",
    "fct_target_reviews",
    "int_kpi_moves",
    "int_target_verdicts",
    "int_kpi_redundancy",
    "int_kpi_silences",
    "int_findings_targets",
    "int_findings_conflicts",
    "int_findings_improvements",
    "int_findings_pruning",
    "fct_findings",
)
REVIEW = PROJECT_ROOT / "models" / "review"
COMPILED_AS_OF = "2026-06-30 18:00:00"
TEXTS = alerts.messages(PROJECT_ROOT)


class Replay:
    """Nights over one warehouse, each published to a ledger that may be disturbed."""

    def __init__(
        self,
        warehouse: Warehouse,
        folder: Path,
        disturbed: bool,
        models: Sequence[str] = MODELS,
    ) -> None:
        self.warehouse, self.disturbed = warehouse, disturbed
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        in_python = {name for name in models if (REVIEW / f"{name}.py").exists()}
        in_sql = [name for name in models if name not in in_python]
        queries = warehouse.compiled(*in_sql, as_of=COMPILED_AS_OF)
        self.models = {
            name: python_model(name) if name in in_python else queries[name]
            for name in models
        }
        self.version = 0

    def build(self, moment: datetime, code: str) -> None:
        """The models as of a moment, by this code, after what the ledger remembers."""
        with self.warehouse.connect() as connection:
            create_publications(connection, self.ledger, code)
            for name, model in self.models.items():
                if callable(model):
                    built = model(connection)
                    connection.register("built", built)
                    query = "from built"
                else:
                    night = str(moment.replace(tzinfo=None))
                    query = model.replace(COMPILED_AS_OF, night)
                connection.execute(f"create or replace table {name} as {query}")

    def publish(self, moment: datetime, last_batch: int, code: str) -> None:
        """Append what was built, as the next version, and tell its alerts."""
        self.version += 1
        with self.warehouse.connect() as connection:
            new = read_new_publications(connection)
            facts = alerts.read_facts(connection, moment)
        candidate: Any = SimpleNamespace(
            publications=new,
            batches=[SimpleNamespace(batch=SimpleNamespace(seq=last_batch))],
            code={"version": code},
        )
        if self.disturbed:
            with contextlib.suppress(InterruptedError), self.ledger.transaction():
                self._record(candidate, moment, code)
                raise InterruptedError
        with self.ledger.transaction():
            self._record(candidate, moment, code)
        run_id = f"run-{self.version}"
        if self.disturbed:
            point = ("notify.before_plan", "notify.after_plan")[self.version % 2]
            with pytest.MonkeyPatch.context() as patch:
                faults.forget_passages()
                patch.setenv("TAKT_FAULT", f"{point}:raise")
                with pytest.raises(faults.InjectedFault):
                    notify.tell_facts(self.ledger, facts, TEXTS, run_id)
        notify.tell_facts(self.ledger, facts, TEXTS, run_id)

    def rows(self, sql: str) -> list[tuple]:
        """What the ledger answers."""
        return [tuple(row) for row in self.ledger.connection.execute(sql)]

    def _record(self, candidate: Any, moment: datetime, code: str) -> None:
        self.ledger.record_version(
            run_id=f"run-{self.version}",
            as_of=moment,
            code_version=code,
            manifest_sha256="0",
            version=self.version,
        )
        append_publications(self.ledger, candidate, self.version)


def python_model(name: str) -> Callable[[duckdb.DuckDBPyConnection], Any]:
    """What a model in Python makes of the tables of a connection."""
    spec = importlib.util.spec_from_file_location(name, REVIEW / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def built(connection: duckdb.DuckDBPyConnection) -> Any:
        dbt: Any = SimpleNamespace(config=lambda **_: None, ref=connection.table)
        return module.model(dbt, connection)

    return built
