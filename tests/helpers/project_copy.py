"""A copy of the project that a test may extend and refresh as its user would.

The copy holds the files that git knows. Here is what several suites share: copying,
running `takt` inside the copy, reading what it published, and the two edits that a page
of the documentation asks for, rows of a register and lines of a list.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tests.helpers.parsed import remember

REPOSITORY = Path(__file__).resolve().parents[2]
# What a refresh does not read.
NOT_COPIED = ("bench/", "tests/real/", "tests/unit/", "tests/faults/")


@dataclass
class Project:
    """A project folder with its own exports and its own warehouse."""

    root: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def exports(self) -> Path:
        return Path(self.settings.get("TAKT_EXPORTS", self.root / "exports"))

    @property
    def home(self) -> Path:
        return Path(self.settings.get("TAKT_HOME", self.root / "data"))

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Python inside the copy, with nothing set but the copy's own settings."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith("TAKT_")}
        # The copy's own packages, whatever the test runner has put on the path.
        own = {"TAKT_SETTLE_SECONDS": "0", "PYTHONPATH": str(self.root)}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**outside, **own, **self.settings},
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`takt …` inside the copy."""
        return self.python("-m", "orchestration", *arguments)

    def refresh(self, as_of: str) -> subprocess.CompletedProcess[str]:
        """One nightly refresh; fails the test with its output unless published."""
        done = self.run("refresh", "--as-of", as_of)
        assert done.returncode in (0, 3), f"{done.stdout}\n{done.stderr}"
        return done

    @contextmanager
    def marts(self, version: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """The current version (or an older one), read-only, as an analyst opens it."""
        folder = "current" if version is None else f"versions/{version}"
        path = (self.home / "published" / folder).resolve() / "marts.duckdb"
        connection = duckdb.connect(str(path), read_only=True)
        try:
            yield connection
        finally:
            connection.close()

    def ledger(self, sql: str) -> list[dict[str, object]]:
        """Rows of the ledger, read-only."""
        connection = sqlite3.connect(
            f"file:{self.home / 'ledger.sqlite'}?mode=ro", uri=True
        )
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql)]
        finally:
            connection.close()


def copy_project(root: Path, **settings: str) -> Project:
    """Copy the project to `root`; `settings` are environment variables of its runs."""
    for path in _tracked_files():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / path, target)
    (root / "exports").mkdir(exist_ok=True)
    project = Project(root, settings)
    remember(project.home)
    return project


def _tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [
        path
        for path in listed.split("\0")
        if path and not path.startswith(NOT_COPIED) and (REPOSITORY / path).is_file()
    ]


def append_rows(rows: Path, register: Path) -> None:
    """Append rows by column name; columns the overlay leaves out stay blank."""
    with register.open(encoding="utf-8", newline="") as stream:
        columns = next(csv.reader(stream))
    with rows.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        unknown = set(reader.fieldnames or ()) - set(columns)
        assert not unknown, f"{register.name} has no columns {sorted(unknown)}"
        added = list(reader)
    assert register.read_bytes().endswith(b"\n"), f"{register.name} ends mid-line"
    with register.open("a", encoding="utf-8", newline="") as stream:
        csv.DictWriter(stream, columns, lineterminator="\n").writerows(added)


def add_to_list(model: Path, name: str, items: list[str]) -> None:
    """Add lines to the list that a union model states in its own file."""
    text = model.read_text(encoding="utf-8")
    found = re.search(r"\{%-?\s*set " + name + r"\s*=\s*\[(.*?)\]", text, re.DOTALL)
    assert found, f"{model.name} states no list of {name}"
    listed = found[1].rstrip().rstrip(",")
    lines = "".join(f"\n    '{item}'," for item in items)
    joined = f"{listed},{lines}\n" if listed.strip() else f"{lines}\n"
    model.write_text(text[: found.start(1)] + joined + text[found.end(1) :], "utf-8")
