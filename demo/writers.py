"""Bytes of the exported files: equal rows give equal bytes.

Columns arrive as Arrow string arrays, null where the system wrote nothing, and are
joined per column, not per row. What a column means is no business of this module.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from demo.clock import DAY, FIRST_DAY, LAST_DAY, day_number

_BASE = day_number(FIRST_DAY) - 400
_COUNT = (LAST_DAY - FIRST_DAY).days + 1_200


def table(texts: Sequence[str]) -> pa.Array:
    """A lookup table of texts for `pick`."""
    return pa.array(texts, type=pa.string())


def pick(texts: pa.Array | Sequence[str], codes: np.ndarray) -> pa.Array:
    """Texts by position; a negative position is null."""
    if not isinstance(texts, pa.Array):
        texts = table(texts)
    codes = np.asarray(codes, dtype=np.int64)
    return texts.take(pa.array(np.maximum(codes, 0), mask=codes < 0))


def _dates(pattern: str) -> pa.Array:
    first = date.fromordinal(_BASE + 719_163)
    days = (first + timedelta(days=number) for number in range(_COUNT))
    return table([pattern.format(y=d.year, m=d.month, d=d.day) for d in days])


def _clocks(pattern: str) -> pa.Array:
    return table([pattern.format(h=n // 60, m=n % 60) for n in range(1_440)])


_PAD = {
    width: table([f"{n:0{width}d}" for n in range(10**width)]) for width in (2, 3, 4)
}
_DATE_TABLES: dict[str, pa.Array] = {}
_CLOCK_TABLES: dict[str, pa.Array] = {}


def days(numbers: np.ndarray, pattern: str = "{y}-{m:02d}-{d:02d}") -> pa.Array:
    """Dates of day numbers; negative is null."""
    known = _DATE_TABLES.setdefault(pattern, None) or _dates(pattern)
    _DATE_TABLES[pattern] = known
    numbers = np.asarray(numbers, dtype=np.int64)
    return pick(known, np.where(numbers < 0, -1, numbers - _BASE))


def stamps(
    at: np.ndarray, day: str, clock: str, seconds: str | None = None
) -> pa.Array:
    """Moments as `day` + `clock` (+ `seconds` + two digits); negative is null."""
    at = np.asarray(at, dtype=np.int64)
    known = at >= 0
    clocks = _CLOCK_TABLES.setdefault(clock, None) or _clocks(clock)
    _CLOCK_TABLES[clock] = clocks
    parts = [
        days(np.where(known, at // DAY, -1), day),
        pick(clocks, np.where(known, at % DAY // 60, -1)),
    ]
    if seconds is not None:
        parts += [pa.scalar(seconds), pick(_PAD[2], np.where(known, at % 60, -1))]
    return pc.binary_join_element_wise(*parts, "")


def numbers(values: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Whole numbers as text, null where not known."""
    mask = None if known is None else ~np.asarray(known)
    return pa.array(np.asarray(values, dtype=np.int64), mask=mask).cast(pa.string())


def padded(prefix: str | pa.Array, values: np.ndarray, width: int) -> pa.Array:
    """Identifiers: a prefix and a number padded with zeros; negative is null."""
    values = np.asarray(values, dtype=np.int64)
    digits = pc.utf8_lpad(numbers(values, values >= 0), width, "0")
    head = pa.scalar(prefix) if isinstance(prefix, str) else prefix
    return pc.binary_join_element_wise(head, digits, "")


def decimals(
    cents: np.ndarray, known: np.ndarray | None = None, thousands: bool = False
) -> pa.Array:
    """Amounts with two decimals; a text with a thousands comma comes in quotes."""
    cents = np.asarray(cents, dtype=np.int64)
    sign = pick(["", "-"], (cents < 0).astype(np.int64))
    whole, fraction = np.abs(cents) // 100, pick(_PAD[2], np.abs(cents) % 100)
    if not thousands:
        text = pc.binary_join_element_wise(numbers(whole), fraction, ".")
        text = pc.binary_join_element_wise(sign, text, "")
    else:
        small = numbers(whole)
        rest = pick(_PAD[3], whole % 1_000)
        mid = pc.binary_join_element_wise(numbers(whole // 1_000), rest, ",")
        high = pc.binary_join_element_wise(
            numbers(whole // 1_000_000),
            pick(_PAD[3], whole // 1_000 % 1_000),
            rest,
            ",",
        )
        grouped = pc.if_else(
            pa.array(whole < 1_000),
            small,
            pc.if_else(pa.array(whole < 1_000_000), mid, high),
        )
        text = pc.binary_join_element_wise(sign, grouped, "")
        text = pc.binary_join_element_wise(text, fraction, ".")
        quoted = pc.binary_join_element_wise('"', text, '"', "")
        text = pc.if_else(pa.array(whole < 1_000), text, quoted)
    if known is None:
        return text
    return pc.if_else(pa.array(np.asarray(known)), text, pa.scalar(None, pa.string()))


def filled(column: pa.Array, marks: pa.Array | str = "") -> pa.Array:
    """The column with its nulls written as a mark."""
    return pc.coalesce(column, pa.scalar(marks) if isinstance(marks, str) else marks)


def instead(column: pa.Array, text: str, where: np.ndarray) -> pa.Array:
    """The column with a text in some rows."""
    return pc.if_else(pa.array(np.asarray(where, dtype=bool)), pa.scalar(text), column)


_MARKS = table(["", "-", "NULL", "无"])


def marked(columns: Sequence[pa.Array], marks: np.ndarray) -> list[pa.Array]:
    """Columns whose nulls are written in the way that each row has for them."""
    texts = pick(_MARKS, marks)
    return [filled(column, texts) for column in columns]


def _body(lines: pa.Array) -> bytes:
    # The data buffer of a string array is its texts without anything between them.
    if isinstance(lines, pa.ChunkedArray):
        return b"".join(_body(chunk) for chunk in lines.chunks)
    if len(lines) == 0:
        return b""
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)
    first = offsets[lines.offset]
    last = offsets[lines.offset + len(lines)]
    return lines.buffers()[2].to_pybytes()[first:last]


def csv_bytes(
    header: Sequence[str],
    columns: Sequence[pa.Array],
    delimiter: str = ",",
    encoding: str = "utf-8",
    quote_all: bool = False,
    newline: str = "\n",
) -> bytes:
    """A CSV file; columns are already quoted where they need it."""
    if quote_all:
        quote = pa.scalar('"')
        columns = [
            pc.binary_join_element_wise(quote, filled(column), quote, "")
            for column in columns
        ]
        header = [f'"{name}"' for name in header]
    joined = pc.binary_join_element_wise(
        *[filled(column) for column in columns], delimiter
    )
    lines = pc.binary_join_element_wise(joined, newline, "")
    body = (delimiter.join(header) + newline).encode("utf-8") + _body(lines)
    return body if encoding == "utf-8" else body.decode("utf-8").encode(encoding)


def jsonl_bytes(keys: Sequence[str], columns: Sequence[pa.Array]) -> bytes:
    """JSON lines of text values; a null is an absent key, the first is never null."""
    parts = []
    for number, (key, column) in enumerate(zip(keys, columns, strict=True)):
        head = f'{{"{key}": "' if number == 0 else f', "{key}": "'
        parts.append(pc.binary_join_element_wise(pa.scalar(head), column, '"', ""))
    lines = pc.binary_join_element_wise(
        *parts, pa.scalar("}\n"), "", null_handling="replace", null_replacement=""
    )
    return _body(lines)


def gzip_bytes(data: bytes) -> bytes:
    """One gzip member without name or time."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(data) + packer.flush()
    tail = struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + body + tail


def parquet_bytes(arrays: dict[str, pa.Array]) -> bytes:
    """A Parquet file of typed columns."""
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays), sink, compression="snappy")
    return sink.getvalue()


_FIXED = datetime(2025, 1, 1)


def xlsx_bytes(sheets: dict[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook of rows per sheet, with the same metadata whenever it is written."""
    book = openpyxl.Workbook(write_only=True)
    book.properties.created = book.properties.modified = _FIXED
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    raw = io.BytesIO()
    book.save(raw)
    fixed = io.BytesIO()
    with (
        zipfile.ZipFile(raw) as source,
        zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                data = _without_time(data)
            info = zipfile.ZipInfo(name, date_time=(2025, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            target.writestr(info, data)
    return fixed.getvalue()


def _without_time(core: bytes) -> bytes:
    # Saving stamps the clock over the modified time that was set.
    start = core.index(b">", core.index(b"<dcterms:modified")) + 1
    end = core.index(b"</dcterms:modified>")
    return core[:start] + b"2025-01-01T00:00:00Z" + core[end:]
