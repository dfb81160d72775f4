"""CSV: Python's strict parser decides what a record is, DuckDB loads the columns.

Two independent parsers read every file. Where they agree on the number of records,
the bytes of all cells and the order of the rows, DuckDB's reading is taken. Where they
do not (ragged records, odd spaces around quotes), Python writes the records out in a
form that has only one reading. So the rows are always those of the strict parser.

Blank lines are records only in one-column files. A cell that is empty, quoted or not,
is null.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import duckdb

from orchestration.contract import Export
from orchestration.ledger import Reject
from orchestration.readers.base import (
    MAX_REJECTS_KEPT,
    Limits,
    Records,
    Refusal,
    check_header,
    quoted,
)
from orchestration.readers.text import Utf8File, to_utf8

LINE_ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}


def read(
    connection: duckdb.DuckDBPyConnection,
    raw: Path,
    export: Export,
    limits: Limits,
    work: Path,
) -> Records:
    """The records of a delimited file; raises Refusal for a file that is not one."""
    file = to_utf8(raw, export, limits, work / "decoded")
    if file.is_empty:
        return _no_records(connection, export)
    scan = _Scan(export, file, limits)
    positions, extra = check_header(export, scan.header)
    scan.run()
    fields = ", ".join(
        f"f{at} as c{i}" if at is not None else f"null::varchar as c{i}"
        for i, at in enumerate(positions)
    )
    simple = None if scan.ragged else _as_it_is(export, file, scan, limits)
    careful = partial(_rewritten, export, scan, limits, work)
    records = simple or careful()
    _finish(records, scan, fields, extra)
    if simple:
        # Only if the database finds other records than the strict parser.
        simple.otherwise = lambda: _finish(careful(), scan, fields, extra)
    return records


def _finish(records: Records, scan: _Scan, fields: str, extra: list[str]) -> Records:
    """Columns by contract, extra ones and positions for reject reports."""
    number = "" if records.in_order else "n, "
    records.relation = (
        f"(select {number}{fields}, {_length(scan.width)} as bytes "
        f"from {records.relation})"
    )
    records.extra_columns = extra
    records.positions = scan.positions if scan.file.same_bytes else None
    return records


def _no_records(connection: duckdb.DuckDBPyConnection, export: Export) -> Records:
    columns = ", ".join(f"c{i} varchar" for i in range(len(export.columns)))
    connection.execute(f"create temp table raw (n bigint, {columns})")
    return Records("raw", ["text"] * len(export.columns), [])


def _length(width: int) -> str:
    return " + ".join(f"coalesce(strlen(f{i}), 0)" for i in range(width))


class _Scan:
    """One pass of Python's parser: header, record count, ragged records, bytes.

    The bytes of the UTF-8 file are read as latin-1, so that lengths and positions are
    bytes; quotes, delimiters and line ends are ASCII and mean the same.
    """

    def __init__(self, export: Export, file: Utf8File, limits: Limits) -> None:
        self.export = export
        self.file = file
        self.limits = limits
        self.count = 0
        self.cell_bytes = 0
        self.weighted_bytes = 0
        self.ragged: list[int] = []
        self.ragged_count = 0
        self.header: list[str] = []
        self.raw_header: list[str] = []
        with self._open() as text:
            self._guarded(self._read_header, text)
        self.width = len(self.header)
        # Blank lines of a one-column file are records of one empty cell.
        self.single = self.width == 1

    def _open(self) -> IO[str]:
        text = self.file.path.open(encoding="latin-1", newline="")
        text.seek(self.file.start)
        return text

    def _reader(self, lines: Any) -> Any:
        csv.field_size_limit(self.limits.record)
        return csv.reader(lines, strict=True, **self._dialect())

    def _dialect(self) -> dict[str, Any]:
        if not self.export.quote:
            return {"delimiter": self.export.delimiter, "quoting": csv.QUOTE_NONE}
        return {"delimiter": self.export.delimiter, "quotechar": self.export.quote}

    def _guarded(self, step: Any, *arguments: Any) -> None:
        try:
            step(*arguments)
        except csv.Error as error:
            where = f"after record {self.count}" if self.header else "in the header"
            if "field larger" in str(error):
                raise Refusal(
                    "record_too_long",
                    f"has a cell of more than {self.limits.record} bytes {where}: "
                    "perhaps a quote that is never closed (TAKT_LIMIT_RECORD)",
                ) from None
            raise Refusal(
                "quoting",
                f"has broken quotes {where}: where records end would be a guess. "
                "Export again with doubled quotes",
            ) from None

    def _read_header(self, text: IO[str]) -> None:
        self.raw_header = next(self._reader(text), [])
        self.header = [
            name.encode("latin-1").decode("utf-8") for name in self.raw_header
        ]
        if not self.header:
            raise Refusal("header", "begins with a blank line instead of a header")
        if len(self.header) > self.limits.columns:
            raise Refusal(
                "too_many_columns",
                f"has {len(self.header)} columns, more than {self.limits.columns} "
                "(TAKT_LIMIT_COLUMNS)",
            )

    def run(self) -> None:
        """Read all records once. Raises Refusal."""
        with self._open() as text:
            lines = text if self._pure_line_ends() else _Watched(text, self.export)
            self._guarded(self._run, self._reader(lines), lines)

    def _pure_line_ends(self) -> bool:
        """Whether no line end of another kind occurs at all, quoted or not."""
        file = self.file
        if self.export.line_end == "lf":
            return file.carriage_returns == 0
        if self.export.line_end == "cr":
            return file.line_feeds == 0
        return file.pairs == file.carriage_returns == file.line_feeds

    def _run(self, reader: Any, lines: Any) -> None:
        width, header, most = self.width, self.raw_header, self.limits.record
        check = lines.check if isinstance(lines, _Watched) else None
        next(reader)
        if check:
            check(0)
        number = total = weighted = 0
        for record in reader:
            if check:
                check(number + 1)
            length = len("".join(record))
            if len(record) != width:
                if not record and not self.single:
                    continue
                number += 1
                if record:
                    self._note_ragged(number)
                    length = 0
            else:
                number += 1
                if record == header:
                    raise Refusal(
                        "repeated_header",
                        f"repeats its header as record {number}: files were joined; "
                        "deliver them one by one",
                    )
            if length > most:
                raise Refusal(
                    "record_too_long",
                    f"has a record of more than {most} bytes after record {number - 1} "
                    "(TAKT_LIMIT_RECORD)",
                )
            total += length
            weighted += number * length
            self.count = number
        self.cell_bytes = total
        self.weighted_bytes = weighted

    def _note_ragged(self, number: int) -> None:
        self.ragged_count += 1
        if self.ragged_count <= MAX_REJECTS_KEPT:
            self.ragged.append(number)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(record number, cells) of the records that fit the header."""
        with self._open() as text:
            reader = self._reader(text)
            next(reader)
            number = 0
            for record in reader:
                if not record and not self.single:
                    continue
                number += 1
                if len(record) == self.width:
                    yield number, record
                elif not record:
                    yield number, [""]

    def positions(self, wanted: set[int]) -> dict[int, int]:
        """Byte position at which each wanted record starts."""
        if not wanted:
            return {}
        found: dict[int, int] = {}
        last = max(wanted)
        with self._open() as text:
            lines = _Watched(text, self.export, self.file.start)
            reader = self._reader(lines)
            next(reader)
            number, start = 0, lines.end
            for record in reader:
                if record or self.single:
                    number += 1
                    if number in wanted:
                        found[number] = start
                    if number >= last:
                        break
                start = lines.end
        return found


class _Watched:
    """Lines of a file, knowing where the last one ended and with what."""

    def __init__(self, text: IO[str], export: Export, start: int = 0) -> None:
        self._text = text
        self._wanted = LINE_ENDS[export.line_end]
        self._line_end = export.line_end
        self._line = ""
        self.end = start

    def __iter__(self) -> _Watched:
        return self

    def __next__(self) -> str:
        self._line = line = next(self._text)
        self.end += len(line)
        return line

    def check(self, record_no: int) -> None:
        """Refuse unless the record just read ends as declared (or with the file)."""
        line = self._line
        ending = line[len(line.rstrip("\r\n")) :]
        # The last line of the file may end without any.
        if ending and ending != self._wanted:
            names = {"\n": "LF", "\r": "CR", "\r\n": "CRLF"}
            raise Refusal(
                "line_end",
                f"ends record {record_no} (0 is the header) with {names[ending]}, "
                f"but the contract says line_end: {self._line_end}. Export with one "
                "kind of line end, or declare the right one",
            )


def _columns(width: int, extra: str = "") -> str:
    return "{" + extra + ", ".join(f"'f{i}': 'VARCHAR'" for i in range(width)) + "}"


def _as_it_is(export: Export, file: Utf8File, scan: _Scan, limits: Limits) -> Records:
    """Let DuckDB read the file itself."""
    line_end = {"lf": "\\n", "cr": "\\r", "crlf": "\\r\\n"}[export.line_end]
    relation = (
        f"read_csv({quoted(str(file.path))}, columns={_columns(scan.width)}, "
        f"delim={quoted(export.delimiter)}, quote={quoted(export.quote)}, "
        f"escape={quoted(export.quote)}, header=true, new_line={quoted(line_end)}, "
        f"max_line_size={4 * limits.record}, {_STRICT})"
    )
    return Records(
        relation,
        ["text"] * len(export.columns),
        [],
        in_order=True,
        check=(scan.count, scan.cell_bytes, scan.weighted_bytes),
    )


# Nothing is guessed and nothing is skipped.
_STRICT = (
    "auto_detect=false, comment='', strict_mode=true, null_padding=false, "
    "hive_partitioning=false, ignore_errors=false, compression='none'"
)


def _rewritten(export: Export, scan: _Scan, limits: Limits, work: Path) -> Records:
    """Write the records in a form with one reading, each with its number in front."""
    path = work / "rewritten"
    with path.open("w", encoding="latin-1", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(["n", *(f"f{i}" for i in range(scan.width))])
        writer.writerows(itertools.starmap(_numbered, scan.rows()))
    number = "'n': 'BIGINT', "
    relation = (
        f"read_csv({quoted(str(path))}, columns={_columns(scan.width, number)}, "
        f"delim=',', quote='\"', escape='\"', header=true, new_line='\\n', "
        f"max_line_size={8 * limits.record}, {_STRICT})"
    )
    kept = scan.count - scan.ragged_count
    return Records(
        relation,
        ["text"] * len(export.columns),
        [],
        check=(kept, scan.cell_bytes, scan.weighted_bytes),
        rejects=[Reject(number, None, None, "ragged") for number in scan.ragged],
        dropped=scan.ragged_count,
    )


def _numbered(number: int, record: list[str]) -> list[Any]:
    return [number, *record]
