"""A warehouse of a test's own: exports of the demo company, and what was published.

Here: writing the demo as of a night, `takt` in a process of its own, and reading what
is published. Not here: what the numbers should be (`truth`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from demo import generate
from orchestration.ledger import Ledger
from orchestration.settings import PREFIX, PROJECT_ROOT, Settings, load_settings
from tests.helpers.parsed import remember

SEED = 7
# The smallest at which every KPI has data in every month and the planted bad file of
# picks has enough rows to be seen as bad.
SCALE = 0.25
AS_OF = "2026-07-01T02:00+08:00"
PII_KEY = "a key for tests only"


def run_takt(
    settings: Settings, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`takt …` as a user types it, with nothing set but these settings."""
    return subprocess.run(command(*arguments), **how(settings, environment))


def start_takt(
    settings: Settings, *arguments: str, **environment: str
) -> subprocess.Popen[str]:
    """As `run_takt`, without waiting: a process group of its own, to be killed."""
    options = how(settings, environment)
    del options["timeout"], options["check"]
    return subprocess.Popen(command(*arguments), start_new_session=True, **options)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "orchestration", *arguments]


def how(settings: Settings, environment: dict[str, str]) -> dict[str, Any]:
    outside = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    return {
        "cwd": settings.project,
        "env": {**outside, **settings.environment(), **environment},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "timeout": 1800,
        "check": False,
    }


@dataclass(frozen=True)
class Published:
    """What one `takt refresh` said, and the version that was current after it."""

    settings: Settings
    version: int
    exit_code: int
    output: str

    @property
    def folder(self) -> Path:
        return self.settings.published / "versions" / str(self.version)

    @contextmanager
    def marts(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """This version, read-only, as an analyst opens it."""
        path = str(self.folder / "marts.duckdb")
        with duckdb.connect(path, read_only=True) as connection:
            yield connection

    def rows(self, sql: str) -> list[tuple]:
        """Rows of one query on this version."""
        with self.marts() as connection:
            return connection.execute(sql).fetchall()

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Company:
    """The demo company with a warehouse: exports, truth, and a home."""

    settings: Settings

    @property
    def truth_path(self) -> Path:
        return self.settings.home.parent / "truth.json"

    def deliver(self, as_of: str) -> dict[str, Any]:
        """Write every file delivered by `as_of`; the truth as of then."""
        generate(self.settings.exports, self.truth_path, SEED, SCALE, as_of)
        return json.loads(self.truth_path.read_text(encoding="utf-8"))

    def refresh(self, as_of: str) -> Published:
        """One nightly run from the command line; it must publish."""
        done = run_takt(self.settings, "refresh", "--as-of", as_of)
        assert done.returncode in (0, 3), f"{done.stdout}\n{done.stderr}"
        with Ledger.open(self.settings.ledger_path, create=False) as ledger:
            version = ledger.pointer().version
        assert version is not None
        return Published(self.settings, version, done.returncode, done.stdout)


def company(folder: Path) -> Company:
    """A company whose exports and home lie in `folder`, still empty."""
    settings = load_settings(
        home=folder / "home",
        exports=folder / "exports",
        settle_seconds=0,
        pii_key=PII_KEY,
    )
    assert settings.project == PROJECT_ROOT
    remember(settings.home)
    return Company(settings)


@dataclass(frozen=True)
class Warehouse:
    """Everything the demo company delivered, refreshed once; only for reading."""

    company: Company
    published: Published
    truth: dict[str, Any]


def refreshed(folder: Path) -> Warehouse:
    """One refresh over all files of the demo company."""
    made = company(folder)
    truth = made.deliver(AS_OF)
    return Warehouse(made, made.refresh(AS_OF), truth)
