"""Reads the current version: one SQL statement, no files, no writes.

Here: the untrusting connection that `takt query` and every served statement uses, and
the texts of a result as CSV and JSON. Not here: tables on a terminal (the command
line) and anything that opens a build file.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.publish import CURRENT
from orchestration.readback import MARTS_FILE, engine_options
from orchestration.registers import History
from orchestration.settings import Settings

# A spreadsheet takes text that begins like this for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class QueryError(Exception):
    """The statement failed or nothing is published; the message is for people."""


@dataclass(frozen=True)
class QueryResult:
    """Columns, their DuckDB types, and rows of Python values, of one version."""

    version: int
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@contextlib.contextmanager
def open_current(
    settings: Settings,
) -> Iterator[tuple[int, duckdb.DuckDBPyConnection]]:
    """(version, connection) on what `current` shows now; it stays on that version.

    Read-only, without access to other files, its settings locked, UTC. Raises
    QueryError when nothing is published.
    """
    # Resolved once: the link may move while the connection lives.
    folder = (settings.published / CURRENT).resolve()
    path = folder / MARTS_FILE
    if not path.is_file():
        raise QueryError(
            f"Nothing is published in {settings.published}. Run `takt refresh` first."
        )
    with open_marts(path, settings.memory_limit, settings.threads) as connection:
        yield int(folder.name), connection


@contextlib.contextmanager
def open_marts(
    path: Path, memory_limit: str = "1GB", threads: int = 1
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read the tables of one published file and nothing else."""
    options = {
        **engine_options(memory_limit, threads),
        "enable_external_access": "false",
        "temp_directory": "",
    }
    with duckdb.connect(str(path), read_only=True, config=options) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set lock_configuration = true")
        yield connection


def published_history(settings: Settings) -> History:
    """What the current version was judged by.

    Empty when nothing is published, or only by a release that kept no registers.
    """
    if not (settings.published / CURRENT / MARTS_FILE).is_file():
        return History()
    with open_current(settings) as (_, connection):
        tables = {name for (name,) in connection.execute("show tables").fetchall()}
        if not {"dim_decisions", "dim_interventions"} <= tables:
            return History()
        return History(
            decisions=_records(connection, "from dim_decisions"),
            interventions=_records(
                connection, "from dim_interventions where is_started"
            ),
        )


def _records(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def query(settings: Settings, sql: str) -> QueryResult:
    """Run one statement on the current version; raises QueryError."""
    with open_current(settings) as (version, connection):
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1:
                raise QueryError(f"One statement is expected, not {len(statements)}.")
            cursor = connection.execute(statements[0])
            described = cursor.description or []
            rows = cursor.fetchall()
        except duckdb.Error as error:
            raise QueryError(str(error)) from error
    return QueryResult(
        version=version,
        columns=tuple(str(column[0]) for column in described),
        types=tuple(str(column[1]) for column in described),
        rows=tuple(rows),
    )


def as_csv(result: QueryResult) -> str:
    """A result as CSV with a header; text that looks like a formula gets a `'`."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_guarded(name) for name in result.columns])
    for row in result.rows:
        writer.writerow([_cell(value) for value in row])
    return buffer.getvalue()


def as_json(result: QueryResult) -> str:
    """A result as a JSON list of objects; dates and times as ISO texts."""
    rows = [
        {name: _plain(value) for name, value in zip(result.columns, row, strict=True)}
        for row in result.rows
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        return _guarded(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        text = json.dumps(_plain(value), ensure_ascii=False)
        return _guarded(text)
    return value


def _guarded(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; decimals stay exact as texts."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
