"""What a log file is: how it reads, and what stands in its columns.

The file is read by the very readers of ingest, so that what is profiled is what a
refresh will see. Here: format, encoding, delimiter and line end told from the bytes;
one table of text cells; the facts of each column. Not here: what a column means
(`propose`).
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.contract import EPOCHS, Column, Export
from orchestration.readers.base import Limits, Records, Refusal, quoted
from orchestration.readers.parse import READERS
from orchestration.readers.text import GZIP_MAGIC, unpacked
from orchestration.readers.typed import format_shape, from_epoch

HEAD_BYTES = 2**18
SAMPLE = 2000
# Words that stand for "no value" wherever they turn up often enough to be no accident.
MARKERS = ("?", "-", "--", "–", "NULL", "null", "N/A", "n/a", "NA", "nan", "NaN")
MARKERS += ("None", "none", "#N/A", "\\N", "无", "空")
# A time column may hold a few words that mean "not yet" or "unknown".
MOST_WORDS = 20
READS = 0.99
DELIMITERS = ",\t;|"

_DAY = (
    r"(?P<a>\d{1,4})(?P<sep>[-/. ])(?P<b>\d{1,2}|[A-Za-z]{3,9})(?P=sep)(?P<c>\d{2,4})"
)
_CLOCK = (
    r"(?:(?P<gap>[ T]+)(?P<hour>\d{1,2}):\d{2}(?P<second>:\d{2})?"
    r"(?P<point>[.,])?(?P<fraction>(?<=[.,])\d{1,6})?"
    r"(?P<noon> ?[AaPp][Mm])?(?P<zone> ?(?:[+-]\d{2}:?\d{2}|Z))?)?"
)
_NUMERIC = re.compile(_DAY + _CLOCK)
_CHINESE = re.compile(r"(?P<a>\d{4})年(?P<b>\d{1,2})月(?P<c>\d{1,2})日" + _CLOCK)
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?"
)
_ISO_SQL = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
    "(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
)
_OFFSET_SQL = ".*(Z|[+-][0-9]{2}:?[0-9]{2})"
# Ten digits may be anything; under such a name, and between 1990 and 2100, they are a
# number of seconds since 1970.
_TIME_NAME = re.compile(
    "time|date|stamp|epoch|start|begin|end|due|clos|creat|updat|complet|(_|\\b)(at|ts)$"
    "|时间|日期",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"\d{9,10}([.]\d{1,6})?|\d{12,13}")
_EPOCH_YEARS = (631_152_000, 4_102_444_800)
_EVENTS_ELSEWHERE = re.compile(rb'"ocel:|"objectTypes"|<ocel|ocel:object')


@dataclass(frozen=True)
class Layout:
    """How a file reads, in the words of a source contract."""

    format: str
    headers: tuple[str, ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    line_end: str = "lf"
    compression: str = "none"
    sheet: str | None = None
    header_row: int = 1
    classifier: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """The keys of the contract that this format has."""
        found: dict[str, Any] = {"format": self.format}
        if self.format in {"csv", "json", "jsonl"}:
            found["encoding"] = self.encoding
        if self.format == "csv":
            found |= {
                "delimiter": self.delimiter,
                "quote": '"',
                "line_end": self.line_end,
            }
        if self.format in {"csv", "json", "jsonl", "xes"}:
            found["compression"] = self.compression
        if self.format == "xlsx":
            found |= {"sheet": self.sheet, "header_row": self.header_row}
        return found


@dataclass(frozen=True)
class Times:
    """How the times of a column are written.

    `formats` are strptime formats, none for ISO 8601; `reads` the share of the cells
    with a digit that they read. `orders` names the orders of day and month that are
    possible, `proof` what rules the other out.
    """

    formats: tuple[str, ...]
    reads: float
    has_offset: bool
    midnight: float
    words: tuple[str, ...]
    word_rows: int
    orders: tuple[str, ...] = ()
    proof: str = ""


@dataclass(frozen=True)
class Facts:
    """What stands in one column; counts are of records."""

    at: int
    header: str
    rows: int
    nulls: int
    distinct: int
    top: tuple[tuple[str, int], ...]
    numbers: float
    mails: float
    phones: float
    length: float
    times: Times | None = None

    @property
    def sql(self) -> str:
        """Its cell in the table `cells`."""
        return f"c{self.at}"

    @property
    def filled(self) -> int:
        return self.rows - self.nulls


@dataclass
class Log:
    """A profiled file: its cells in DuckDB, and the facts of its columns."""

    path: Path
    layout: Layout
    connection: duckdb.DuckDBPyConnection
    rows: int
    ragged: int
    markers: tuple[str, ...]
    repeated: int = 0
    columns: list[Facts] = field(default_factory=list)

    def named(self, header: str) -> Facts | None:
        """The column of that header."""
        return next((one for one in self.columns if one.header == header), None)

    def one(self, sql: str) -> tuple[Any, ...]:
        """The first row of a query."""
        row = self.connection.execute(sql).fetchone()
        assert row is not None
        return row


# ---------------------------------------------------------------- how it reads


def sniff(path: Path, limits: Limits, work: Path, encoding: str | None) -> Layout:
    """Tell from the bytes how a file reads. Raises Refusal."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
    head = _head(path, packed)
    if not head:
        raise Refusal("empty", "is empty: deliver it again")
    compression = "gzip" if packed else "none"
    if head.startswith(b"PAR1"):
        return _unpacked_only(packed, Layout("parquet", _parquet_names(path)))
    if head.startswith(b"PK\x03\x04"):
        return _unpacked_only(packed, _workbook(path))
    if _EVENTS_ELSEWHERE.search(head):
        raise Refusal(
            "object_centric",
            "is an object-centric log: its events belong to several object types at "
            "once, so no column identifies the instance. Flatten it to one object "
            "type first, one row per event of it",
        )
    bare = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if bare.startswith((b"<?xml", b"<log")):
        return _xes(path, compression, limits, work)
    encoding = encoding or _encoding(path, compression, limits, head)
    text = _text(head, encoding)
    if bare[:1] in (b"{", b"["):
        form = "json" if bare[:1] == b"[" else "jsonl"
        return Layout(form, _json_names(text, form), encoding, compression=compression)
    return _delimited(text, encoding, compression)


def _unpacked_only(packed: bool, layout: Layout) -> Layout:
    if packed:
        raise Refusal("compression", f"is a packed {layout.format} file: unpack it")
    return layout


def _head(path: Path, packed: bool) -> bytes:
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except (EOFError, OSError) as error:
        if not packed:
            raise
        raise Refusal("truncated", "is damaged in its gzip stream") from error


def _encoding(path: Path, compression: str, limits: Limits, head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for name in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(name)("strict")
        try:
            for chunk in unpacked(path, compression, limits):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        with_mark = name == "utf-8" and head.startswith(codecs.BOM_UTF8)
        return "utf-8-sig" if with_mark else name
    raise Refusal(
        "encoding", "is neither UTF-8 nor GB18030: say --encoding, such as latin-1"
    )


def _text(head: bytes, encoding: str) -> str:
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    return text.removeprefix("\ufeff")


def _delimited(text: str, encoding: str, compression: str) -> Layout:
    line_end = "cr" if "\n" not in text and "\r" in text else "lf"
    if text.count("\r\n") * 2 > text.count("\n") > 0:
        line_end = "crlf"
    found: dict[str, tuple[int, int, list[str]]] = {}
    for delimiter in DELIMITERS:
        rows = _rows(text, delimiter)
        widths = Counter(len(row) for row in rows[1:])
        if rows and widths:
            width, many = widths.most_common(1)[0]
            if width > 1 and width == len(rows[0]):
                found[delimiter] = (many, width, rows[0])
    if not found:
        raise Refusal(
            "header",
            "has no header with as many names as its records have cells, whether "
            "parted by comma, tab, semicolon or bar",
        )
    delimiter = max(found, key=lambda mark: found[mark][:2])
    return Layout(
        "csv",
        tuple(found[delimiter][2]),
        encoding,
        delimiter,
        line_end,
        compression,
    )


def _rows(text: str, delimiter: str, most: int = 300) -> list[list[str]]:
    """The first records; the last one of the head may be cut and does not count."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) > most:
                break
    except csv.Error:
        return []
    return rows[:-1] if len(text) >= HEAD_BYTES // 4 and len(rows) > 2 else rows


def _json_names(text: str, form: str) -> tuple[str, ...]:
    import json

    decoder = json.JSONDecoder()
    names: dict[str, None] = {}
    at = 1 if form == "json" else 0
    while at < len(text):
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        try:
            record, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        if isinstance(record, dict):
            for key, value in record.items():
                nested = value if isinstance(value, dict) else {}
                names |= dict.fromkeys(f"{key}.{name}" for name in nested)
                if not nested:
                    names[key] = None
    return tuple(names)


def _parquet_names(path: Path) -> tuple[str, ...]:
    source = f"read_parquet([{quoted(str(path))}], hive_partitioning=false)"
    with duckdb.connect() as connection:
        found = connection.execute(f"describe select * from {source}").fetchall()
    return tuple(row[0] for row in found)


def _workbook(path: Path) -> Layout:
    """The sheet with most rows; the header is its first row of three texts or more."""
    import python_calamine

    book = python_calamine.CalamineWorkbook.from_path(str(path))
    sheets = {
        name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for name in book.sheet_names
    }
    name, rows = max(sheets.items(), key=lambda sheet: len(sheet[1]))
    for number, row in enumerate(rows[:50], start=1):
        texts = [cell for cell in row if isinstance(cell, str) and cell.strip()]
        if len(texts) >= min(3, len(row)) and len(texts) * 2 > len(row):
            headers = tuple(cell.strip() for cell in texts)
            return Layout("xlsx", headers, sheet=name, header_row=number)
    raise Refusal("header", f"has no header row in its sheet {name!r}")


def _xes(path: Path, compression: str, limits: Limits, work: Path) -> Layout:
    from orchestration.readers import xes

    keys = xes.keys(path, compression, limits, work)
    declared = _head(path, compression == "gzip").decode("utf-8", "replace")
    found = re.search(r'<classifier\b[^>]*\bkeys="([^"]+)"', declared)
    named = re.findall(r"'[^']+'|\S+", found[1]) if found else []
    return Layout(
        "xes",
        keys,
        compression=compression,
        classifier=tuple(name.strip("'") for name in named),
    )


# ---------------------------------------------------------------- what stands in it


def read(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    layout: Layout,
    limits: Limits,
    work: Path,
    formats: Sequence[str] = (),
    tell: Callable[[str], None] = lambda text: None,
) -> Log:
    """Read a whole file into the table `cells` and look at every column.

    `formats` are strptime formats that a person has said.
    """
    headers = [header for header in layout.headers if header.strip()]
    if doubled := [name for name, count in Counter(headers).items() if count > 1]:
        raise Refusal("header", f"has two columns of the name {doubled[0]!r}")
    export = as_text(layout, headers)
    tell(f"reading {path.name}")
    records = READERS[layout.format](connection, path, export, limits, work)
    if not _load(connection, records, len(headers)):
        # As in ingest: where two parsers differ, the strict one is right.
        records = records.otherwise() if records.otherwise else records
        if not _load(connection, records, len(headers)):
            raise Refusal(
                "reader", "reads in two ways: export it with all cells quoted"
            )
    (rows,) = connection.execute("select count(*) from raw_cells").fetchone() or (0,)
    if not rows:
        raise Refusal("empty", "holds no records")
    markers = _markers(connection, headers)
    empty = " or ".join(f"trim(c{{i}}) = {quoted(one)}" for one in ("", *markers))
    cleaned = ", ".join(
        f"case when {empty.format(i=i)} then null else trim(c{i}) end as c{i}"
        for i in range(len(headers))
    )
    connection.execute(f"create temp table cells as select {cleaned} from raw_cells")
    log = Log(path, layout, connection, rows, records.dropped, markers)
    every = ", ".join(f"c{i}" for i in range(len(headers)))
    (log.repeated,) = log.one(
        "select coalesce(sum(n - 1), 0)::bigint from "
        f"(select count(*) as n from raw_cells group by hash({every}))"
    )
    for i, header in enumerate(headers):
        tell(f"looking at {header} ({i + 1} of {len(headers)})")
        log.columns.append(_facts(log, i, header, formats))
    return log


def _load(connection: duckdb.DuckDBPyConnection, records: Records, width: int) -> bool:
    """Fill the table `raw_cells`; False if the database read something else."""
    cells = ", ".join(f"c{i}::varchar as c{i}" for i in range(width))
    checked = ", bytes" if records.check else ""
    numbered = "" if records.in_order or not records.check else ", n"
    try:
        connection.execute(
            f"create or replace temp table raw_cells as "
            f"select {cells}{checked}{numbered} from {records.relation} as raw"
        )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        if records.otherwise is None:
            raise
        return False
    if records.check is None:
        return True
    number = "n" if numbered else "rowid + 1"
    found = connection.execute(
        "select count(*), coalesce(sum(bytes), 0)::hugeint, "
        f"coalesce(sum(({number})::hugeint * bytes), 0)::hugeint from raw_cells"
    ).fetchone()
    return found == records.check


def as_text(layout: Layout, headers: Sequence[str]) -> Export:
    """A contract that takes every column as text."""
    columns = [
        Column(name=f"c{i}", data_type="varchar", header=header, pii="keep")
        for i, header in enumerate(headers)
    ]
    return Export(
        source="log",
        name="log",
        files="log/log_{period}.txt",
        delivery="append",
        cadence="once",
        columns=tuple(columns),
        **layout.facts(),
    )


def _markers(
    connection: duckdb.DuckDBPyConnection, headers: list[str]
) -> tuple[str, ...]:
    """Marker words that stand in two columns, or fill a tenth of one."""
    found: Counter[str] = Counter()
    words = ", ".join(map(quoted, MARKERS))
    for i in range(len(headers)):
        rows = connection.execute(
            f"select trim(c{i}), count(*) from raw_cells "
            f"where trim(c{i}) in ({words}) group by 1"
        ).fetchall()
        found.update(word for word, _ in rows)
        found.update(word for word, count in rows if _is_much(connection, count))
    return tuple(word for word in MARKERS if found[word] > 1)


def _is_much(connection: duckdb.DuckDBPyConnection, count: int) -> bool:
    (rows,) = connection.execute("select count(*) from raw_cells").fetchone() or (0,)
    return count * 10 >= rows


def _facts(log: Log, i: int, header: str, formats: Sequence[str]) -> Facts:
    cell = f"c{i}"
    mail = quoted(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
    phone = quoted(r"\+[0-9][0-9 ()-]{8,}[0-9]|1[3-9][0-9]{9}|0[0-9]{2,3}-[0-9]{7,8}")
    number = quoted(r"[+-]?[0-9]+([.,][0-9]+)?")
    filled, distinct, numbers, mails, phones, length = log.one(
        f"select count({cell}), approx_count_distinct({cell}), "
        f"coalesce(avg(regexp_full_match({cell}, {number})::int), 0), "
        f"coalesce(avg(regexp_full_match({cell}, {mail})::int), 0), "
        f"coalesce(avg(regexp_full_match({cell}, {phone})::int), 0), "
        f"coalesce(avg(length({cell})), 0) from cells"
    )
    distinct = min(distinct, filled)
    if distinct < 5000:
        (distinct,) = log.one(f"select count(distinct {cell}) from cells")
    top = log.connection.execute(
        f"select {cell}, count(*) as n from cells where {cell} is not null "
        f"group by 1 order by n desc, 1 limit 5"
    ).fetchall()
    times = _times(log, cell, header, formats) if filled else None
    return Facts(
        at=i,
        header=header,
        rows=log.rows,
        nulls=log.rows - filled,
        distinct=distinct,
        top=tuple(top),
        numbers=numbers,
        mails=mails,
        phones=phones,
        length=length,
        times=times,
    )


# ---------------------------------------------------------------- times


def moment(cell: str, formats: Sequence[str]) -> str:
    """SQL for the wall-clock time (or, with an offset, the UTC time) of a cell."""
    if not formats:
        return (
            f"case when regexp_full_match({cell}, {quoted(_ISO_SQL)}) then "
            f"timezone('UTC', try_cast({cell} as timestamptz)) end"
        )
    branches = []
    for form in formats:
        text = cell if "%z" not in form else f"regexp_replace({cell}, 'Z$', '+0000')"
        value = f"try_strptime({text}, {quoted(form)})"
        value = f"timezone('UTC', {value})" if "%z" in form else value
        value = from_epoch(cell, form) if form in EPOCHS else value
        branches.append(
            f"when regexp_full_match({cell}, {quoted(format_shape(form))}) then {value}"
        )
    return f"case {' '.join(branches)} end"


def instant(column: Facts) -> str:
    """SQL for the time of a cell; for wall-clock times without an offset, as it is."""
    assert column.times is not None
    return moment(column.sql, column.times.formats)


def _times(log: Log, cell: str, header: str, formats: Sequence[str]) -> Times | None:
    for said in [*((one,) for one in formats), tuple(formats)]:
        if said and (read := _read_as(log, cell, "said", said)) is not None:
            return read
    sample = [
        value
        for (value,) in log.connection.execute(
            f"select distinct {cell} from (select {cell} from cells where "
            f"regexp_matches({cell}, '[0-9]') limit {SAMPLE * 20}) limit {SAMPLE}"
        ).fetchall()
    ]
    found = [
        read
        for order, formats in _possible(sample, header)
        if (read := _read_as(log, cell, order, formats)) is not None
    ]
    if not found:
        return None
    best = max(found, key=lambda read: read.reads)
    orders = tuple(order for read in found for order in read.orders)
    proof = ""
    if len(orders) == 1 and best.orders[0] in {"day_first", "month_first"}:
        proof = _proof(log, cell, orders[0])
    return Times(**{**vars(best), "orders": orders, "proof": proof})


def _possible(sample: list[str], header: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(order, formats) that could read most of a sample."""
    if not sample:
        return
    if _TIME_NAME.search(header) and (epoch := _epoch(sample)):
        yield "epoch", (epoch,)
        return
    enough = 0.9 * len(sample)
    if sum(bool(_ISO.fullmatch(value)) for value in sample) >= enough:
        yield "iso", ()
        return
    shapes: dict[str, Counter[str]] = {}
    for value in sample:
        for order, form in _forms(value):
            shapes.setdefault(order, Counter())[form] += 1
    for order, counted in shapes.items():
        # A format per order: with and without seconds or fraction are one column.
        kept = [form for form, count in counted.items() if count * 200 >= len(sample)]
        if sum(counted.values()) >= enough * 0.2 and kept:
            yield order, tuple(sorted(kept))


def _epoch(sample: list[str]) -> str | None:
    """What numbers of a sample count since 1970, if all of them can."""
    if not all(_EPOCH.fullmatch(value) for value in sample):
        return None
    first, last = _EPOCH_YEARS
    for form, micros in EPOCHS.items():
        if all(first <= float(value) * micros / 1e6 < last for value in sample):
            return form
    return None


def _forms(value: str) -> Iterator[tuple[str, str]]:
    if re.fullmatch(r"(19|20)\d{6}", value):
        yield "year_first", "%Y%m%d"
        return
    if re.fullmatch(r"(19|20)\d{12}", value):
        yield "year_first", "%Y%m%d%H%M%S"
        return
    if match := _CHINESE.fullmatch(value):
        yield "year_first", "%Y年%m月%d日" + _clock(match)
        return
    match = _NUMERIC.fullmatch(value)
    if match is None:
        return
    a, b, c, sep = (match[name] for name in ("a", "b", "c", "sep"))
    year = "%Y" if len(c) == 4 else "%y"
    clock = _clock(match)
    if len(a) == 4:
        yield "year_first", f"%Y{sep}%m{sep}%d{clock}"
    elif b.isalpha():
        month = "%b" if len(b) == 3 else "%B"
        yield "named_month", f"%d{sep}{month}{sep}{year}{clock}"
    elif len(a) <= 2 and len(c) in (2, 4):
        yield "day_first", f"%d{sep}%m{sep}{year}{clock}"
        yield "month_first", f"%m{sep}%d{sep}{year}{clock}"


def _clock(match: re.Match[str]) -> str:
    if not match["hour"]:
        return ""
    text = match["gap"] + ("%I" if match["noon"] else "%H") + ":%M"
    text += ":%S" if match["second"] else ""
    text += f"{match['point']}%f" if match["fraction"] else ""
    if match["noon"]:
        text += " %p" if match["noon"].startswith(" ") else "%p"
    if match["zone"]:
        text += " %z" if match["zone"].startswith(" ") else "%z"
    return text


def _read_as(log: Log, cell: str, order: str, formats: tuple[str, ...]) -> Times | None:
    value = moment(cell, formats)
    digits, read, midnight, offsets, words = log.one(
        f"""
        select
            count(*) filter (where has_digit),
            count(value),
            avg((value = date_trunc('day', value))::int),
            avg(regexp_full_match(cell, {quoted(_OFFSET_SQL)})::int)
                filter (where value is not null),
            count(*) filter (where not has_digit)
        from (
            select {cell} as cell, {value} as value,
                regexp_matches({cell}, '[0-9]') as has_digit
            from cells where {cell} is not null
        )
        """
    )
    if not digits or read < READS * digits or digits < 0.1 * (digits + words):
        return None
    found: list[str] = []
    if words:
        found = [
            word
            for (word,) in log.connection.execute(
                f"select {cell} from cells where not regexp_matches({cell}, '[0-9]') "
                f"group by 1 order by count(*) desc, 1 limit {MOST_WORDS + 1}"
            ).fetchall()
        ]
        if len(found) > MOST_WORDS:
            return None
    has_offset = offsets > 0 and (not formats or any("%z" in one for one in formats))
    has_offset = has_offset or bool(formats and set(formats) <= EPOCHS.keys())
    return Times(
        formats, read / digits, has_offset, midnight, tuple(found), words, (order,)
    )


def _proof(log: Log, cell: str, order: str) -> str:
    """How many cells only the order that was found can read."""
    which = 1 if order == "day_first" else 2
    pattern = quoted("([0-9]+)[^0-9]+([0-9]+)")
    (count,) = log.one(
        f"select count(*) from cells where "
        f"try_cast(regexp_extract({cell}, {pattern}, {which}) as integer) > 12"
    )
    place = "first" if which == 1 else "second"
    return f"{count:,} cells have a {place} number over 12"
