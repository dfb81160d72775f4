"""Parquet: physical types are checked and brought to the text that typing expects.

Parquet is typed already, but not as the contract says: ids come as doubles, dates as
text. Numbers become their exact digits and take the same road as text; dates and times
stay as they are. Parquet has no checksum; the bytes are those that were hashed.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.contract import TEMPORAL, Column, Export
from orchestration.readers.base import (
    Limits,
    Records,
    Refusal,
    check_header,
    quoted,
    shown,
)

_INTEGERS = frozenset(
    f"{sign}{size}"
    for sign in ("", "U")
    for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)
_TIMES = {
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "DATE": "date",
}
# Beyond it, a double no longer tells neighbouring whole numbers apart.
EXACT = 2**53


def read(
    connection: duckdb.DuckDBPyConnection,
    raw: Path,
    export: Export,
    limits: Limits,
    work: Path,
) -> Records:
    """The records of a Parquet file; raises Refusal."""
    del work
    source = f"read_parquet([{quoted(str(raw))}], hive_partitioning=false)"
    names, types = _schema(connection, raw, source, limits)
    positions, extra = check_header(export, names)
    columns, kinds, doubts = [], [], {}
    for i, (column, at) in enumerate(zip(export.columns, positions, strict=True)):
        if at is None:
            columns.append(f"null::varchar as c{i}")
            kinds.append("text")
            continue
        cell, kind = _as_text(export, column, f"f{at}", types[at])
        columns.append(f"{cell} as c{i}")
        kinds.append(kind)
        if types[at] in {"DOUBLE", "FLOAT"} and column.data_type != "double":
            columns.append(f"coalesce(abs(f{at}) > {EXACT}, false) as e{i}")
            doubts[i] = "inexact_number"
    # Renamed by position: names from outside never become part of a statement.
    aliases = ", ".join([*(f"f{at}" for at in range(len(names))), "place"])
    place = "file_row_number"
    if place in {name.lower() for name in names}:
        place = "row_number() over () - 1"
    relation = (
        f"(select place + 1 as n, {', '.join(columns)} "
        f"from (select *, {place} from {source}) as file({aliases}))"
    )
    return Records(relation, kinds, extra, doubts=doubts)


def _schema(
    connection: duckdb.DuckDBPyConnection, raw: Path, source: str, limits: Limits
) -> tuple[list[str], list[str]]:
    """Names as the file has them, and DuckDB's types, by position."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = list(pq.read_schema(raw).names)
        described = connection.execute(f"describe select * from {source}").fetchall()
    except (duckdb.Error, pa.ArrowException, OSError):
        raise Refusal(
            "parquet", "is no readable Parquet file: deliver it again"
        ) from None
    types = [row[1] for row in described]
    if len(types) != len(names):
        raise Refusal("parquet", "describes its columns in two ways: export it again")
    if len(names) > limits.columns:
        raise Refusal(
            "too_many_columns",
            f"has {len(names)} columns, more than {limits.columns} "
            "(TAKT_LIMIT_COLUMNS)",
        )
    return names, types


def _as_text(
    export: Export, column: Column, cell: str, physical: str
) -> tuple[str, str]:
    """SQL for the cell and its kind."""
    base = physical.partition("(")[0]
    if physical in _TIMES:
        if column.data_type in TEMPORAL and column.pii != "drop":
            kind = _TIMES[physical]
            return (f"{cell}::timestamp" if kind == "timestamp" else cell), kind
        return f"{cell}::varchar", "text"
    if physical == "VARCHAR":
        return cell, "text"
    if base in _INTEGERS or base == "DECIMAL" or physical == "BOOLEAN":
        return _marked(column, f"{cell}::varchar"), "text"
    if physical in {"DOUBLE", "FLOAT"}:
        # A whole double is a number without decimals, whatever the database prints.
        whole = f"{cell} = trunc({cell}) and abs({cell}) <= {EXACT}"
        digits = f"{cell}::varchar"
        if column.scale:
            # 0.1 + 0.2 is meant as 0.3: fifteen digits are what a double can promise.
            digits = f"printf('%.15g', {cell}::double)"
        digits = f"case when {whole} then {cell}::bigint::varchar else {digits} end"
        return _marked(column, digits), "text"
    raise Refusal(
        "type",
        f"column {shown(column.in_file)} has the physical type {shown(physical)}, "
        f"which cannot become {column.data_type}. Correct the export, or the contract "
        f"of {export.code}",
    )


def _marked(column: Column, text: str) -> str:
    """Numbers in the dialect of the contract, so that one rule types them all."""
    if column.decimal_mark == ".":
        return text
    return f"replace({text}, '.', {quoted(column.decimal_mark)})"
