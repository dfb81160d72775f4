"""What was reported, and when: the ledger's memory of published figures.

The ledger's table only grows. A build sees all of it as `takt.publications`; a model
(`int_publications_new`) says which rows the new version adds; publishing appends just
these in the transaction that records the version. Here: the way in and out. Not here:
when a figure counts as reported anew, or why (`models/review/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from orchestration.ledger import Ledger, utc_text

if TYPE_CHECKING:
    import duckdb

    from orchestration.build import Candidate

# The model of the rows to add; a project without KPIs has none.
MODEL = "int_publications_new"

_COLUMNS = {
    "kpi_code": "varchar",
    "definition_version": "varchar",
    "segment_code": "varchar",
    "period_grain": "varchar",
    "period_start": "date",
    "period_end": "date",
    "value": "double",
    "numerator": "bigint",
    "denominator": "bigint",
    "counted_count": "bigint",
    "open_count": "bigint",
    "undecided_count": "bigint",
    "excluded_count": "bigint",
    "finality": "varchar",
    "target_min": "double",
    "target_max": "double",
    "alarm_min": "double",
    "alarm_max": "double",
    "is_visible_change": "boolean",
    "reason": "varchar",
    "data_as_of": "timestamp",
    "known_from": "timestamp",
}
_OWN_COLUMNS = {
    "publication_no": "bigint",
    "last_batch_no": "bigint",
    "is_same_code": "boolean",
}


def create_publications(
    connection: duckdb.DuckDBPyConnection, ledger: Ledger, code: str
) -> None:
    """Write what was published into a build file that the code version `code` makes."""
    connection.execute(
        "create or replace table takt.last_version "
        "(last_batch_no bigint, is_same_code boolean)"
    )
    last = ledger.connection.execute(
        "select last_batch_no, code_version = ? from versions "
        "where last_batch_no is not null order by version desc limit 1",
        (code,),
    ).fetchone()
    if last is not None:
        connection.execute(
            "insert into takt.last_version values (?, ?)", [last[0], bool(last[1])]
        )
    declared = {**_COLUMNS, **_OWN_COLUMNS}
    columns = ", ".join(f"{name} {kind}" for name, kind in declared.items())
    connection.execute(f"create or replace table takt.publications ({columns})")
    rows = ledger.connection.execute(
        f"select {', '.join(_COLUMNS)}, publication_no, last_batch_no, "
        "code_version = ? as is_same_code from publications order by publication_no",
        (code,),
    ).fetchall()
    if not rows:
        return
    import pyarrow

    # A row at a time takes a minute for a year of nights.
    texts = {
        name: pyarrow.array([row[name] for row in rows], _text_type(kind))
        for name, kind in declared.items()
    }
    connection.register("earlier_publications", pyarrow.table(texts))
    casts = ", ".join(
        f"cast(cast({name} as timestamptz) at time zone 'UTC' as timestamp)"
        if kind == "timestamp"
        else f"cast({name} as {kind})"
        for name, kind in declared.items()
    )
    connection.execute(
        f"insert into takt.publications select {casts} from earlier_publications"
    )
    connection.unregister("earlier_publications")


def _text_type(kind: str) -> Any:
    """How SQLite hands a column out: moments, days and words are texts."""
    import pyarrow

    if kind in ("bigint", "boolean"):
        return pyarrow.int64()
    return pyarrow.float64() if kind == "double" else pyarrow.string()


def read_new_publications(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[Mapping[str, Any], ...]:
    """The rows a candidate adds, in the order in which the ledger will keep them."""
    built = connection.execute(
        "select 1 from information_schema.tables "
        "where table_schema = 'main' and table_name = ?",
        [MODEL],
    ).fetchone()
    if built is None:
        return ()
    names = list(_COLUMNS)
    rows = connection.execute(
        f"select {', '.join(names)} from main.{MODEL} "
        "order by kpi_code, segment_code, period_start, definition_version"
    ).fetchall()
    return tuple(dict(zip(names, map(_plain, row), strict=True)) for row in rows)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return utc_text(value.replace(tzinfo=UTC))
    return value.isoformat() if isinstance(value, date) else value


def append_publications(ledger: Ledger, candidate: Candidate, version: int) -> None:
    """Keep what a version reports; inside the transaction that records it."""
    last = max((used.batch.seq for used in candidate.batches), default=0)
    columns = [*_COLUMNS, "version", "last_batch_no", "code_version"]
    places = ", ".join(f":{name}" for name in columns)
    own = {
        "version": version,
        "last_batch_no": last,
        "code_version": candidate.code["version"],
    }
    with ledger.transaction() as write:
        write.execute(
            "update versions set last_batch_no = ? where version = ?", (last, version)
        )
        write.executemany(
            f"insert into publications ({', '.join(columns)}) values ({places})",
            [{**row, **own} for row in candidate.publications],
        )
