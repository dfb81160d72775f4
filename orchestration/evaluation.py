"""great-expectations, called directly: what it says of one frame.

Its own entry point builds every configuration and the graph of metrics anew for each
batch, which on a file of some hundred rows takes ten times as long as the metrics.
Here great-expectations builds the graph once per list of expectations and resolves it
for each frame, in an engine of its own, so that nothing is left of the frame before.
Every figure and every success is still computed by great-expectations; a test holds
the answers equal to those of its own entry point. Not here: verdicts (`judging`).

It is imported on first use: that takes seconds.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations import Expectation

# Counts and aggregates, never a value of the file.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}

# Metrics are known by the batch they belong to; each engine has only this one.
_BATCH = "batch"

# Lists of expectations whose graphs are kept, two for each export of a worker.
_MOST_GRAPHS = 256

_CLASS_NAME = re.compile(r"^(?:\w+\.)*(\w+)\s*(?::|$)")


@dataclass(frozen=True)
class Outcome:
    """One expectation on one frame; `raised` is the class of an exception."""

    success: bool
    result: dict[str, Any] = field(default_factory=dict)
    raised: str | None = None


def evaluate(
    expectations: Sequence[Expectation], frame: pd.DataFrame
) -> list[tuple[Expectation, Outcome]]:
    """Each expectation with its outcome, in the order given."""
    if not expectations:
        return []
    _import_quietly()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = _graph_of(expectations).outcomes(frame)
    return list(zip(expectations, outcomes, strict=True))


@cache
def _import_quietly() -> None:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations  # noqa: F401

    # Its log repeats exceptions, and those repeat values.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)


_graphs: dict[tuple[int, ...], _Graph] = {}


def _graph_of(expectations: Sequence[Expectation]) -> _Graph:
    """The graph of these very objects, which it keeps alive: an id is taken once."""
    key = tuple(map(id, expectations))
    graph = _graphs.get(key)
    if graph is None:
        if len(_graphs) >= _MOST_GRAPHS:
            _graphs.clear()
        graph = _graphs[key] = _Graph(expectations)
    return graph


@dataclass
class _Part:
    """One expectation bound to the batch, and the metrics it rests on, by name."""

    expectation: Expectation | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    edges: list[Any] = field(default_factory=list)
    raised: str | None = None


class _Graph:
    """The metrics of some expectations; holds no data."""

    def __init__(self, expectations: Sequence[Expectation]) -> None:
        self.expectations = tuple(expectations)
        self.parts = [_part(expectation) for expectation in expectations]
        self.edges = [edge for part in self.parts for edge in part.edges]

    def outcomes(self, frame: pd.DataFrame) -> list[Outcome]:
        from great_expectations.validator.validation_graph import ValidationGraph

        engine = _engine_class()()
        engine.load_batch_data(_BATCH, frame)
        graph = ValidationGraph(execution_engine=engine, edges=self.edges)
        found, aborted = graph.resolve(_runtime(), show_progress_bars=False)
        failed = {
            metric: _class_name(info["exception_info"]["exception_traceback"])
            for metric, info in aborted.items()
        }
        return [_outcome(part, found, failed, engine) for part in self.parts]


@cache
def _engine_class() -> Any:
    from great_expectations.core import IDDict
    from great_expectations.execution_engine import PandasExecutionEngine

    class Engine(PandasExecutionEngine):
        """Filters the rows of a condition once, not for each metric under it."""

        def __init__(self) -> None:
            super().__init__()
            self.rows: dict[Any, pd.DataFrame] = {}

        def get_domain_records(self, domain_kwargs: dict[str, Any]) -> pd.DataFrame:
            # Without pairs and lists, which column is asked for makes no difference.
            same = {k: v for k, v in domain_kwargs.items() if k != "column"}
            key = IDDict(same).to_id()
            if key not in self.rows:
                self.rows[key] = super().get_domain_records(domain_kwargs)
            return self.rows[key]

    return Engine


def _runtime() -> dict[str, Any]:
    return {"result_format": dict(RESULT_FORMAT)}


def _part(expectation: Expectation) -> _Part:
    from great_expectations.validator.metrics_calculator import MetricsCalculator

    engine = _engine_class()()
    try:
        configuration = expectation.configuration
        configuration.kwargs["batch_id"] = _BATCH
        bound = configuration.to_domain_obj()
        needed = bound.get_validation_dependencies(engine, _runtime())
        metrics = {
            name: metric
            for name, metric in needed.metric_configurations.items()
            # The cells themselves; nothing of them would be kept.
            if not name.endswith(".unexpected_values")
        }
        graph = MetricsCalculator(engine).build_metric_dependency_graph(
            metric_configurations=list(metrics.values()),
            runtime_configuration=_runtime(),
        )
    except Exception as error:
        return _Part(raised=type(error).__name__)
    return _Part(bound, {name: one.id for name, one in metrics.items()}, graph.edges)


def _outcome(
    part: _Part, found: dict[Any, Any], failed: dict[Any, str], engine: Any
) -> Outcome:
    if part.expectation is None:
        return Outcome(False, raised=part.raised)
    for edge in part.edges:
        if edge.left.id in failed:
            return Outcome(False, raised=failed[edge.left.id])
    try:
        metrics = {name: found[metric] for name, metric in part.metrics.items()}
        answer: ExpectationValidationResult | dict[str, Any]
        answer = part.expectation._validate(
            metrics=metrics,
            runtime_configuration=_runtime(),
            execution_engine=engine,
        )
    except Exception as error:
        return Outcome(False, raised=type(error).__name__)
    if isinstance(answer, dict):
        return Outcome(bool(answer["success"]), answer.get("result") or {})
    return Outcome(bool(answer.success), dict(answer.result or {}))


def _class_name(traceback: str) -> str:
    """The class of the exception whose traceback this is; its text may hold cells."""
    lines = traceback.strip().splitlines()
    match = _CLASS_NAME.match(lines[-1]) if lines else None
    return match[1] if match else "an exception"
