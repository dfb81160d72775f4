"""A copy of the project with more sources and processes, added as its user would.

`lay` copies the files that git knows; for each overlay it puts the overlay's files over
them, appends its register rows, and adds one line to each of the lists that name packs
and KPIs. What this module has to do beyond that is what the project fails to make easy.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

REPOSITORY = Path(__file__).resolve().parents[2]
OVERLAYS = Path(__file__).parent / "overlays"
PACK_LISTS = (
    "models/processes/core/int_process_events.sql",
    "models/processes/core/int_process_instances.sql",
)
KPI_LIST = "models/marts/fct_kpi_observations.sql"
# What a refresh does not read.
NOT_COPIED = ("bench/", "tests/real/", "tests/unit/", "tests/faults/")


@dataclass
class Project:
    """A project folder with its own exports and its own warehouse."""

    root: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def home(self) -> Path:
        return self.root / "data"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m orchestration …` inside the copy, with nothing else set."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith("TAKT_")}
        return subprocess.run(
            [sys.executable, "-m", "orchestration", *arguments],
            cwd=self.root,
            env={**outside, "TAKT_SETTLE_SECONDS": "0", **self.settings},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

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


def lay(root: Path, overlays: Iterable[str], **settings: str) -> Project:
    """Copy the project to `root` and add the overlays of those names."""
    for path in _tracked_files():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / path, target)
    for overlay in overlays:
        _add(OVERLAYS / overlay, root)
    (root / "exports").mkdir(exist_ok=True)
    return Project(root, settings)


def _add(source: Path, root: Path) -> None:
    """What its user does to add an overlay to the project at `root`."""
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        below = path.relative_to(source)
        if below.parts[0] == "seeds":
            _append_rows(path, root / below)
        elif "__pycache__" not in below.parts:
            target = root / below
            assert not target.exists(), f"{below} is there already"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for pack in sorted((source / "models" / "processes").iterdir()):
        for name in PACK_LISTS:
            _add_to_list(root / name, "packs", [pack.name])
    models = sorted((source / "models" / "metrics").rglob("kpi_*.sql"))
    _add_to_list(root / KPI_LIST, "kpis", [model.stem for model in models])


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


def _append_rows(rows: Path, register: Path) -> None:
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


def _add_to_list(model: Path, name: str, items: list[str]) -> None:
    """Add lines to the list that a union model states in its own file."""
    text = model.read_text(encoding="utf-8")
    found = re.search(r"\{%-?\s*set " + name + r"\s*=\s*\[(.*?)\]", text, re.DOTALL)
    assert found, f"{model.name} states no list of {name}"
    listed = found[1].rstrip().rstrip(",")
    lines = "".join(f"\n    '{item}'," for item in items)
    joined = f"{listed},{lines}\n" if listed.strip() else f"{lines}\n"
    model.write_text(text[: found.start(1)] + joined + text[found.end(1) :], "utf-8")
