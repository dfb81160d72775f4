"""What all readers share: refusals, limits, and the table of raw records.

A reader turns a file into `Records`: something DuckDB can select from, with one text
column per declared column, plus what it noticed on the way. It refuses a file by
raising `Refusal`; the message names places and counts, never what a cell says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from orchestration.contract import Export
from orchestration.ledger import Reject

# More of them say nothing new; `batches.rejected` has the full count.
MAX_REJECTS_KEPT = 10_000

# Rows per hand-over to the database: bounds memory, amortises the call.
BATCH_ROWS = 20_000


class Refusal(Exception):
    """A file that cannot be used as a whole.

    `code` is a word for machines, `message` one line for people: what is wrong, where,
    and what to do. Neither ever holds a cell value.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Limits:
    """How much one file may unfold to; sizes in bytes."""

    ratio: int = 200
    unpacked: int = 50 * 2**30
    record: int = 2**20
    columns: int = 2000
    xlsx_entries: int = 2000
    xlsx_unpacked: int = 2**30
    xlsx_columns: int = 500


@dataclass
class Records:
    """The raw records of a file, ready to be typed.

    `relation` is SQL for a FROM clause with a column `c<i>` for the i-th column of
    the contract, and `n` (record number from 1) unless `in_order`: then the order of
    the rows is the number. `kinds[i]` is `text` or a temporal type of DuckDB.
    `rejects` are records that never became rows; `dropped` counts those records.
    `doubts` names a rule for columns with a flag `e<i>` that rejects the record.
    `check` is (rows, sum of the column `bytes`, sum of record number x `bytes`), to be
    confirmed by the database: the last one tells whether the order was kept. If it
    finds anything else, `otherwise` reads the file in a more careful way.
    """

    relation: str
    kinds: list[str]
    extra_columns: list[str]
    in_order: bool = False
    check: tuple[int, int, int] | None = None
    rejects: list[Reject] = field(default_factory=list)
    dropped: int = 0
    iso_dates_too: bool = False
    doubts: dict[int, str] = field(default_factory=dict)
    positions: Callable[[set[int]], dict[int, int]] | None = None
    otherwise: Callable[[], Records] | None = None


def check_header(
    export: Export, header: Sequence[str], *, strict: bool = True
) -> tuple[list[int | None], list[str]]:
    """Position of every declared column in `header`, and the extra names.

    Order is free. With `strict`, every column that is not `optional` must be there;
    without (formats in which an absent key is a null), only `required` ones.
    Raises Refusal `header`, printing what is declared and what is there.
    """
    wanted = [column.in_file for column in export.columns]
    needed = [
        column.in_file
        for column in export.columns
        if (not column.optional if strict else column.required)
    ]
    missing = [name for name in needed if name not in header]
    repeated = sorted({name for name in wanted if list(header).count(name) > 1})
    if missing or repeated:
        faults = []
        if missing:
            faults.append(f"missing {_names(missing)}")
        if repeated:
            faults.append(f"repeated {_names(repeated)}")
        # Without any declared name the line is data, which no message may show.
        found = f"{len(header)} names, none of them declared: is there a header?"
        if set(wanted) & set(header):
            found = _names(header)
        raise Refusal(
            "header",
            f"has another header: {'; '.join(faults)}. Declared: {_names(wanted)}. "
            f"In the file: {found}. Correct the export, or the contract of "
            f"{export.code}",
        )
    positions = [header.index(name) if name in header else None for name in wanted]
    known = set(wanted)
    return positions, [shown(name) for name in header if name not in known]


def _names(names: Iterable[str], most: int = 60) -> str:
    listed = [shown(name) for name in names]
    more = f", … ({len(listed)} in all)" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more or "nothing"


def shown(text: str, longest: int = 80) -> str:
    """A name from outside for a one-line message: printable and not endless."""
    safe = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text[: longest + 1]
    )
    return safe[:longest] + "…" if len(safe) > longest else safe


class Sink:
    """Receives records one by one and keeps them as text in the table `raw`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, export: Export) -> None:
        self.connection = connection
        self.export = export
        self.count = 0
        self.rejects: list[Reject] = []
        self.dropped = 0
        width = len(export.columns)
        columns = ", ".join(f"c{i} varchar" for i in range(width))
        connection.execute(f"create temp table raw (n bigint, {columns})")
        self._numbers: list[int] = []
        self._cells: list[Sequence[str | None]] = []

    def add(self, record_no: int, cells: Sequence[str | None]) -> None:
        """One record; `cells` in the order of the contract."""
        self.count += 1
        self._numbers.append(record_no)
        self._cells.append(cells)
        if len(self._numbers) >= BATCH_ROWS:
            self.flush()

    def reject(self, record_no: int, column: str | None, rule: str) -> None:
        """One record that cannot be a row, for one reason."""
        self.count += 1
        self.dropped += 1
        if len(self.rejects) < MAX_REJECTS_KEPT:
            self.rejects.append(Reject(record_no, None, column, rule))

    def flush(self) -> None:
        import pyarrow as pa

        if not self._numbers:
            return
        try:
            columns = [
                pa.array(column, pa.string())
                for column in zip(*self._cells, strict=True)
            ]
        except (UnicodeError, pa.ArrowException):
            columns = self._without_broken_text(pa)
        numbers = pa.array(self._numbers, pa.int64())
        names = ["n", *(f"c{i}" for i in range(len(columns)))]
        batch = pa.table([numbers, *columns], names=names)
        self.connection.register("batch", batch)
        self.connection.execute("insert into raw select * from batch")
        self.connection.unregister("batch")
        self._numbers.clear()
        self._cells.clear()

    def _without_broken_text(self, pa: Any) -> list[Any]:
        """Reject records with text that is no Unicode, such as half a surrogate."""
        numbers, kept = [], []
        for number, cells in zip(self._numbers, self._cells, strict=True):
            broken = [i for i, cell in enumerate(cells) if not _encodable(cell)]
            if broken:
                self.count -= 1
                name = self.export.columns[broken[0]].name
                self.reject(number, name, "not_text")
            else:
                numbers.append(number)
                kept.append(cells)
        self._numbers[:] = numbers
        columns = zip(*kept, strict=True) if kept else [[] for _ in self.export.columns]
        return [pa.array(list(column), pa.string()) for column in columns]

    def records(self, extra_columns: Iterable[str]) -> Records:
        """Close the table and describe it."""
        self.flush()
        return Records(
            relation="raw",
            kinds=["text"] * len(self.export.columns),
            extra_columns=sorted(shown(name) for name in extra_columns),
            rejects=self.rejects,
            dropped=self.dropped,
        )


def _encodable(cell: str | None) -> bool:
    if cell is None:
        return True
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
