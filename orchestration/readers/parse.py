"""One file from its private copy to a lake file beside it: read, type, write, hash."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import duckdb

from orchestration.contract import Export
from orchestration.ledger import Reject
from orchestration.readers import csv, json, parquet, typed, xes, xlsx
from orchestration.readers.base import Limits, Records, Refusal, quoted

# Rows per group of a lake file; fixed, because it is part of its bytes.
ROW_GROUP = 122_880
CHUNK = 2**20

READERS = {
    "csv": csv.read,
    "json": json.read,
    "jsonl": json.read,
    "parquet": parquet.read,
    "xlsx": xlsx.read,
    "xes": xes.read,
}


@dataclass(frozen=True)
class ParseTask:
    """What a child process needs to read one file.

    `raw` is the private copy, `lake` the temporary path of the typed rows, `work` an
    existing folder for nothing else.
    """

    export: Export
    raw: Path
    lake: Path
    work: Path
    limits: Limits
    pii_key: bytes | None
    memory_limit: int
    threads: int


@dataclass(frozen=True)
class Parsed:
    """What became of a file; the counts of one `batches` row."""

    rows_in: int
    loaded: int
    rejected: int
    duplicates: int
    dst_flagged: int
    required_nulls: int
    extra_columns: tuple[str, ...]
    watermark_max: datetime | None
    lake_sha256: str
    rejects: tuple[Reject, ...]


def parse(task: ParseTask) -> Parsed:
    """Read, type and write one file. Raises Refusal, or OSError for a full disk.

    Leaves `task.lake` complete and synced; removes what it put into `task.work`.
    """
    task.work.mkdir(parents=True, exist_ok=True)
    connection = connect(task)
    try:
        return _parse(connection, task)
    except duckdb.OutOfMemoryException as error:
        if "disk" in str(error).lower() or "max_temp_directory" in str(error):
            raise OSError("the disk for temporary files is full") from None
        raise Refusal(
            "out_of_memory",
            "needs more memory than allowed (TAKT_MEMORY_LIMIT): raise it, or deliver "
            "smaller files",
        ) from None
    finally:
        connection.close()
        shutil.rmtree(task.work, ignore_errors=True)


def connect(task: ParseTask) -> duckdb.DuckDBPyConnection:
    """A connection that knows no table; what it creates is temporary, so its own."""
    spill = task.work.parent / f"spill-{os.getpid()}"
    connection = _database(task.memory_limit, spill).cursor()
    connection.execute(f"set threads = {task.threads}")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    return connection


@lru_cache(maxsize=1)
def _database(memory_limit: int, spill: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database that spills into a folder and reaches no extension.

    One for all files of a process: to open one takes as long as a small file does.
    """
    return duckdb.connect(
        config={
            "memory_limit": f"{memory_limit // 2**20}MiB",
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": True,
        }
    )


def _parse(connection: duckdb.DuckDBPyConnection, task: ParseTask) -> Parsed:
    export = task.export
    try:
        records = READERS[export.format](
            connection, task.raw, export, task.limits, task.work
        )
        result = typed.load(connection, export, records, task.pii_key)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        # The database's own words may quote cells.
        raise Refusal(
            "unreadable",
            f"cannot be read by the database ({type(error).__name__}): export it again",
        ) from None
    except MemoryError:
        raise Refusal(
            "out_of_memory",
            "needs more memory than a parser may have: deliver smaller files",
        ) from None
    if result.rows_in == 0 and not export.allow_empty:
        raise Refusal(
            "empty",
            "holds no records; if that can happen, declare allow_empty: true",
        )
    return _written(connection, task, records, result)


def _written(
    connection: duckdb.DuckDBPyConnection,
    task: ParseTask,
    records: Records,
    result: typed.Typed,
) -> Parsed:
    # One thread: the same rows must give the same bytes on any machine.
    connection.execute("set threads = 1")
    connection.execute(
        f"copy ({result.selection}) to {quoted(str(task.lake))} "
        f"(format parquet, compression zstd, row_group_size {ROW_GROUP})"
    )
    return Parsed(
        rows_in=result.rows_in,
        loaded=result.loaded,
        rejected=result.rejected,
        duplicates=result.duplicates,
        dst_flagged=result.dst_flagged,
        required_nulls=result.required_nulls,
        extra_columns=tuple(records.extra_columns),
        watermark_max=result.watermark_max,
        lake_sha256=_synced_sha256(task.lake),
        rejects=tuple(result.rejects),
    )


def _synced_sha256(path: Path) -> str:
    """Hash of a file after everything of it has reached the disk."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
