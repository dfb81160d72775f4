"""Reads every column of every table once and says what it saw.

Runs as a process of its own (`python -P readback.py <folder>`), so that a candidate
is judged by a client that shares no memory with the one that wrote it. Here: the
fingerprint of a relation and the settings of an untrusting connection. Imports
nothing of the project: the file is run by its path.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb

MARTS_FILE = "marts.duckdb"


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """`text` as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def literal_glob(path: Path) -> str:
    """`path` as an SQL string that a reader's glob takes for exactly that file."""
    text = str(path)
    for sign in "[*?":
        # The bracket comes first: the others are written with it.
        text = text.replace(sign, f"[{sign}]")
    return literal(text)


def engine_options(memory_limit: str = "1GB", threads: int = 1) -> dict[str, Any]:
    """Options of every connection: bounded, nothing is downloaded or loaded."""
    return {
        "memory_limit": memory_limit,
        "threads": threads,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }


def fingerprint(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, Any]:
    """Rows, column types and order-free checksums of `relation` (an SQL text).

    Equal relations have equal fingerprints. The `rows_hash` tells rows whose cells
    changed places; the checksums per column say where a difference lies.
    """
    described = connection.execute(f"describe select * from {relation}").fetchall()
    columns = [(str(row[0]), str(row[1])) for row in described]
    names = [quoted(name) for name, _ in columns]
    sums = ["count(*)", f"coalesce(sum(hash({', '.join(names)})), 0)"]
    for name in names:
        sums += [f"count({name})", f"coalesce(sum(hash({name})), 0)"]
    row = connection.execute(f"select {', '.join(sums)} from {relation}").fetchone()
    values = [int(value) for value in row or ()]
    return {
        "rows": values[0],
        "rows_hash": str(values[1]),
        "columns": {
            name: {
                "type": kind,
                "filled": values[2 + 2 * position],
                "hash": str(values[3 + 2 * position]),
            }
            for position, (name, kind) in enumerate(columns)
        },
    }


def tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of all tables and views in the schema `main` of the current file."""
    rows = connection.execute(
        "select table_name from information_schema.tables "
        "where table_catalog = current_database() and table_schema = 'main' "
        "order by table_name"
    ).fetchall()
    return [str(row[0]) for row in rows]


def read_back(folder: Path) -> dict[str, Any]:
    """Fingerprints of a version folder: {"duckdb": {table: …}, "parquet": {…}}."""
    with duckdb.connect(
        str(folder / MARTS_FILE), read_only=True, config=engine_options()
    ) as marts:
        in_duckdb = {
            name: fingerprint(marts, f"main.{quoted(name)}") for name in tables(marts)
        }
    with duckdb.connect(config=engine_options()) as files:
        in_parquet = {
            path.stem: fingerprint(
                files, f"read_parquet({literal_glob(path)}, hive_partitioning=false)"
            )
            for path in sorted(folder.glob("*.parquet"))
        }
    return {"duckdb": in_duckdb, "parquet": in_parquet}


if __name__ == "__main__":
    print(json.dumps(read_back(Path(sys.argv[1]))))
