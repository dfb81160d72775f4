"""A small copy of the dbt project around the process core, on data that a test gives.

The copy holds the core, the four registers it reads and one throwaway pack named
`fixture`; no source, no other pack. Models run in process against a DuckDB file of the
test. Here belongs what several dbt tests share; no expectation does.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from dbt.cli.main import dbtRunner, dbtRunnerResult

REPOSITORY = Path(__file__).resolve().parents[2]
REGISTERS = ("calendars", "calendar_days", "processes", "process_steps")
PACK_LIST = re.compile(r"\{% set packs = \[.*?\] %\}", re.DOTALL)
EPOCH = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)

EVENT_COLUMNS = {
    "process_code": "varchar",
    "process_instance_id": "varchar",
    "event_id": "varchar",
    "activity_code": "varchar",
    "started_at": "timestamp",
    "occurred_at": "timestamp",
    "resource_id": "varchar",
    "org_unit_code": "varchar",
    "source_system": "varchar",
    "batch_id": "varchar",
}
INSTANCE_COLUMNS = {
    "process_code": "varchar",
    "process_instance_id": "varchar",
    "segment_code": "varchar",
    "started_at": "timestamp",
    "ended_at": "timestamp",
    "started_on": "date",
    "ended_on": "date",
    "is_cancelled": "boolean",
    "outcome_code": "varchar",
    "exclusion_reason": "varchar",
    "due_at": "timestamp",
    "requester_id": "varchar",
    "score": "double",
    "cost_cents": "bigint",
    "data_as_of": "timestamp",
}

Row = Mapping[str, Any]


def at(minutes: float) -> datetime:
    """UTC moment so many minutes after the fixtures' midnight, 2024-01-01."""
    return EPOCH + timedelta(minutes=minutes)


def event(instance: str, event_id: str, activity: str, **values: Any) -> dict[str, Any]:
    """An event of the fixture pack; times as `started_at`, `occurred_at`."""
    return {
        "process_code": "fixture",
        "process_instance_id": instance,
        "event_id": event_id,
        "activity_code": activity,
        "source_system": "fixture",
        **values,
    }


def instance(instance_id: str, **values: Any) -> dict[str, Any]:
    """An instance of the fixture pack; open unless `ended_at` is given."""
    return {
        "process_code": "fixture",
        "process_instance_id": instance_id,
        "is_cancelled": False,
        "data_as_of": at(100_000),
        **values,
    }


def step(activity: str, step_no: int, **values: Any) -> dict[str, Any]:
    """A row of the process map of the fixture pack."""
    return {
        "process_code": "fixture",
        "activity_code": activity,
        "valid_from": "2020-01-01",
        "step_no": step_no,
        "kind": "work",
        "is_terminal": "false",
        "is_after_end": "false",
        "hard_to_quantify": "false",
        **values,
    }


@dataclass(frozen=True)
class Sandbox:
    """A copied project and its database file."""

    root: Path
    variables: Mapping[str, str]

    @property
    def database(self) -> Path:
        return self.root / "sandbox.duckdb"

    def dbt(self, *arguments: str) -> dbtRunnerResult:
        """Runs one dbt command in process; raises if it cannot even start."""
        result = dbtRunner().invoke(
            [
                "--quiet",
                "--no-use-colors",
                *arguments,
                "--project-dir",
                str(self.root),
                "--profiles-dir",
                str(self.root),
                "--target-path",
                str(self.root / "target"),
                "--log-path",
                str(self.root / "logs"),
                "--vars",
                str(dict(self.variables)),
            ]
        )
        if result.exception is not None:
            raise result.exception
        return result

    def build(self, *select: str) -> None:
        """Loads seeds and builds the named models, without tests."""
        result = self.dbt(
            "build",
            "--exclude-resource-type",
            "test",
            "--exclude-resource-type",
            "unit_test",
            *(("--select", *select) if select else ()),
        )
        failed = [
            f"{row.node.name}: {row.message}"
            for row in result.result
            if str(row.status) not in ("success", "pass")
        ]
        assert not failed, "\n".join(failed)

    def connect(self, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.database), read_only=read_only)
        connection.execute("set TimeZone = 'UTC'")
        return connection

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The result of a query, one mapping per row."""
        with self.connect() as connection:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description]
            return [
                dict(zip(names, values, strict=True)) for values in cursor.fetchall()
            ]

    def load(self, table: str, columns: Mapping[str, str], rows: Iterable[Row]) -> None:
        """Replaces `fixture.<table>`; columns a row lacks are NULL."""
        path = self.root / f"{table}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        with self.connect(read_only=False) as connection:
            connection.execute("create schema if not exists fixture")
            types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            connection.execute(f"create or replace table fixture.{table} ({types})")
            connection.execute(
                f"copy fixture.{table} from '{path}' "
                "(format csv, header true, auto_detect false, nullstr '')"
            )

    def compiled(self, name: str) -> str:
        """The SQL that dbt compiled for a model or test of this name."""
        paths = list((self.root / "target" / "compiled").rglob(f"{name}.sql"))
        assert len(paths) == 1, f"{name}: {paths}"
        return paths[0].read_text(encoding="utf-8")


def _write_seed(path: Path, rows: Sequence[Row]) -> None:
    with (REPOSITORY / "seeds" / path.name).open(encoding="utf-8") as file:
        header = next(csv.reader(file))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def make_sandbox(
    root: Path,
    *,
    events: Iterable[Row] = (),
    instances: Iterable[Row] = (),
    process_steps: Sequence[Row] = (),
    calendar_code: str = "",
    calendars: Sequence[Row] | None = None,
    calendar_days: Sequence[Row] | None = None,
    timezone: str = "Asia/Shanghai",
    models: Mapping[str, str] | None = None,
) -> Sandbox:
    """Copies the core into `root`, with the fixture pack and its data.

    Calendars are the project's own unless given. `models` are further models by name,
    for SQL that a test wants rendered.
    """
    for part in ("macros", "models/processes/core", "tests/data/core"):
        shutil.copytree(REPOSITORY / part, root / part)
    shutil.copytree(REPOSITORY / "tests/data/generic", root / "tests/data/generic")
    for part in ("fixtures",):
        if (REPOSITORY / "tests/data" / part).is_dir():
            shutil.copytree(
                REPOSITORY / "tests/data" / part, root / "tests/data" / part
            )
    (root / "seeds").mkdir()
    (root / "models/staging/registers").mkdir(parents=True)
    for register in REGISTERS:
        shutil.copy(REPOSITORY / f"seeds/{register}.csv", root / "seeds")
        for suffix in ("sql", "yml"):
            name = f"models/staging/registers/stg_registers__{register}.{suffix}"
            shutil.copy(REPOSITORY / name, root / name)
    shutil.copy(REPOSITORY / "dbt_project.yml", root)
    sandbox = Sandbox(root, {"as_of": "2026-06-30 18:00:00", "timezone": timezone})
    (root / "profiles.yml").write_text(
        "takt:\n  target: test\n  outputs:\n    test:\n      type: duckdb\n"
        f"      path: {sandbox.database}\n      schema: main\n      threads: 2\n"
        "      keep_open: false\n      settings: {TimeZone: UTC}\n",
        encoding="utf-8",
    )
    if calendars is not None:
        _write_seed(root / "seeds/calendars.csv", calendars)
        _write_seed(root / "seeds/calendar_days.csv", calendar_days or [])
    process = {
        "process_code": "fixture",
        "calendar_code": calendar_code,
        "timezone": timezone,
    }
    _write_seed(root / "seeds/processes.csv", [process])
    _write_seed(root / "seeds/process_steps.csv", process_steps)
    for union in ("int_process_events", "int_process_instances"):
        path = root / f"models/processes/core/{union}.sql"
        text, replaced = PACK_LIST.subn(
            "{% set packs = ['fixture'] %}", path.read_text(encoding="utf-8")
        )
        assert replaced == 1, f"{union}: no pack list"
        path.write_text(text, encoding="utf-8")
    pack = root / "models/processes/fixture"
    pack.mkdir()
    for table in ("events", "instances"):
        (pack / f"int_fixture__{table}.sql").write_text(
            f"{{{{ config(materialized='view') }}}}\nselect * from fixture.{table}\n",
            encoding="utf-8",
        )
    for name, sql in (models or {}).items():
        (pack / f"{name}.sql").write_text(sql, encoding="utf-8")
    sandbox.load("events", EVENT_COLUMNS, events)
    sandbox.load("instances", INSTANCE_COLUMNS, instances)
    return sandbox
