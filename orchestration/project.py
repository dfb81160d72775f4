"""The dbt project of Takt, parsed: what is declared, before anything runs.

Contracts, the Dagster assets and the build all start from the same parsed project.
Here: parsing, once per run. Not here: running models (`build`), or reading contracts
out of the manifest (`contract`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from orchestration.contract import Export, load_contracts
from orchestration.settings import PROJECT_ROOT, Settings

# The build file of one run; `profiles.yml` reads it. It is part of what dbt compares
# before it trusts its parse cache, so it must not be set while parsing.
BUILD_FILE = "TAKT_BUILD_FILE"


class ProjectError(RuntimeError):
    """The dbt project cannot be parsed. The message is dbt's own, for people."""


@dataclass(frozen=True)
class Project:
    """A parsed project: the manifest as dbt writes it and as dbt holds it.

    `parsed` goes to `dbtRunner(manifest=…)`, which then does not parse again.
    """

    manifest: Mapping[str, Any]
    parsed: Any
    exports: Sequence[Export]


def dbt_arguments(settings: Settings) -> list[str]:
    """Where dbt finds the project and keeps its files, for every dbt command."""
    return [
        "--project-dir",
        str(PROJECT_ROOT),
        "--profiles-dir",
        str(PROJECT_ROOT),
        "--target-path",
        str(settings.dbt_target),
        "--log-path",
        str(settings.logs / "dbt"),
        "--no-use-colors",
        "--no-use-colors-file",
        "--no-send-anonymous-usage-stats",
        "--no-version-check",
    ]


@contextmanager
def dbt_environment(settings: Settings, build_file: str | None) -> Iterator[None]:
    """The variables that `profiles.yml` reads, for one dbt command."""
    values = {
        BUILD_FILE: build_file,
        "TAKT_THREADS": str(settings.threads),
        "TAKT_MEMORY_LIMIT": settings.memory_limit,
    }
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def parse_project(settings: Settings) -> Project:
    """Parse the project, cheaply when nothing changed.

    Raises ProjectError, and ContractError for a contract that does not hold together.
    """
    # Imported here: a second and a half that `takt --help` does not need.
    from dbt.cli.main import dbtRunner

    messages: list[str] = []

    def listen(event: Any) -> None:
        if event.info.level == "error":
            messages.append(event.info.msg)

    arguments = ["--quiet", "parse", *dbt_arguments(settings)]
    with dbt_environment(settings, build_file=None):
        result = dbtRunner(callbacks=[listen]).invoke(arguments)
    if not result.success:
        reason = str(result.exception or "") or "\n".join(messages)
        raise ProjectError(f"The dbt project cannot be parsed.\n{reason.strip()}")
    path = settings.dbt_target / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    return Project(manifest, result.result, load_contracts(manifest))
