"""JSON lines and JSON arrays: strict, exact, one record at a time.

Numbers keep the digits they were written with, a key that is absent is a null, and a
key that occurs twice refuses the file, because nobody knows which value was meant.
Lists and objects in a text column become compact JSON text. `records` of the contract
names the array (or the mapping of objects) inside a larger document; the key of a
mapping is the header `@key`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import duckdb

from orchestration.contract import Export
from orchestration.readers.base import (
    Limits,
    Records,
    Refusal,
    Sink,
    check_header,
)
from orchestration.readers.text import to_utf8

# A document that must be read whole; arrays and lines are streamed.
WHOLE_DOCUMENT_BYTES = 512 * 2**20
CHUNK = 2**20
MAPPING_KEY = "@key"


class _DuplicateKeyError(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKeyError
    return found


def _no_constant(text: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")


# Numbers as text: neither 20-digit ids nor `1.10` survive a float.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=str,
    parse_float=str,
    parse_constant=_no_constant,
)


def read(
    connection: duckdb.DuckDBPyConnection,
    raw: Path,
    export: Export,
    limits: Limits,
    work: Path,
) -> Records:
    """The records of a JSON or JSON-lines file; raises Refusal."""
    file = to_utf8(raw, export, limits, work / "decoded")
    sink = Sink(connection, export)
    cells = _Cells(export)
    with file.path.open(encoding="utf-8", newline="\n") as text:
        text.seek(file.start)
        if export.format == "jsonl":
            records = _lines(text, limits)
        elif export.records is None:
            records = _array(text, limits)
        else:
            records = _inside(text, export, file.size)
        number = 0
        for number, record in enumerate(records, start=1):
            if not isinstance(record, dict):
                raise Refusal("json", f"record {number} is no JSON object")
            sink.add(number, cells.of(record))
    if number:
        check_header(export, cells.found(), strict=False)
    return sink.records(cells.extra())


class _Cells:
    """Declared cells of a record, and which keys the file has at all."""

    def __init__(self, export: Export) -> None:
        self.headers = [column.in_file for column in export.columns]
        self._paths = [header.split(".") for header in self.headers]
        self._seen: set[str] = set()
        self._present = [False] * len(self.headers)

    def of(self, record: dict[str, Any]) -> list[str | None]:
        self._seen.update(record)
        cells: list[str | None] = []
        for i, header in enumerate(self.headers):
            value = record.get(header, record)
            if value is record:
                value = _nested(record, self._paths[i])
            if value is record:
                cells.append(None)
                continue
            self._present[i] = True
            cells.append(_text(value))
        return cells

    def found(self) -> list[str]:
        """Declared headers that occurred, then the other keys."""
        return [
            header
            for header, present in zip(self.headers, self._present, strict=True)
            if present
        ] + self.extra()

    def extra(self) -> list[str]:
        used = set(self.headers) | {path[0] for path in self._paths}
        return sorted(self._seen - used - {MAPPING_KEY})


def _nested(record: dict[str, Any], path: list[str]) -> Any:
    """The value at `path`, or `record` itself for: not there."""
    if len(path) == 1:
        return record
    value: Any = record
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return record
        value = value[step]
    return value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _lines(text: IO[str], limits: Limits) -> Iterator[Any]:
    number = 0
    for line in text:
        if not line.strip():
            continue
        number += 1
        if len(line) > limits.record:
            raise _too_long(number, limits)
        try:
            record, end = _DECODER.raw_decode(line, _skip_blank(line, 0))
        except (ValueError, RecursionError) as error:
            raise _broken(number, error) from None
        if line[end:].strip():
            raise Refusal("json", f"record {number} is followed by something else")
        yield record


def _array(text: IO[str], limits: Limits) -> Iterator[Any]:
    """Elements of the outermost array, decoded as the file is read."""
    buffer, at, number = "", 0, 0

    def sign() -> str:
        """The next sign that is no blank; nothing where the file ends."""
        nonlocal buffer, at
        while (at := _skip_blank(buffer, at)) >= len(buffer):
            buffer, at = text.read(CHUNK), 0
            if not buffer:
                return ""
        return buffer[at]

    if not sign():
        return
    if sign() != "[":
        raise Refusal("json", "is no JSON array; name the array with `records`")
    at += 1
    while sign() != "]":
        if number and sign() == ",":
            at += 1
        elif number and sign():
            raise Refusal("json", f"has no comma after record {number}")
        if not sign():
            raise Refusal("truncated", f"ends inside its array after record {number}")
        number += 1
        while True:
            try:
                record, end = _DECODER.raw_decode(buffer, at)
                break
            except _DuplicateKeyError as error:
                raise _broken(number, error) from None
            except (ValueError, RecursionError) as error:
                more = text.read(CHUNK)
                if not more:
                    raise _broken(number, error) from None
                if len(buffer) - at > limits.record:
                    raise _too_long(number, limits) from None
                buffer, at = buffer[at:] + more, 0
        yield record
        at = end
    at += 1
    if sign():
        raise Refusal("json", "goes on after its array")


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _inside(text: IO[str], export: Export, size: int) -> Iterator[Any]:
    """The records at the path `records` of a document that is read whole."""
    if size > WHOLE_DOCUMENT_BYTES:
        raise Refusal(
            "too_large",
            f"is a document of more than {WHOLE_DOCUMENT_BYTES} bytes: deliver the "
            "records as JSON lines",
        )
    content = text.read()
    if not content.strip():
        return
    try:
        document, end = _DECODER.raw_decode(content, _skip_blank(content, 0))
    except (ValueError, RecursionError) as error:
        raise _broken(0, error) from None
    if content[end:].strip():
        raise Refusal("json", "goes on after its document")
    path = str(export.records)
    value = document
    for step in [path] if _has(document, path) else path.split("."):
        if not _has(value, step):
            raise Refusal("header", f"has no {path!r}, where the records should be")
        value = value[step]
    if isinstance(value, dict):
        for key, record in value.items():
            yield {MAPPING_KEY: key, **record} if isinstance(record, dict) else record
    elif isinstance(value, list):
        yield from value
    else:
        raise Refusal("json", f"{path!r} is neither an array nor a mapping")


def _has(value: Any, key: str) -> bool:
    return isinstance(value, dict) and key in value


def _broken(number: int, error: Exception) -> Refusal:
    where = f"record {number}" if number else "the document"
    if isinstance(error, _DuplicateKeyError):
        return Refusal("duplicate_key", f"has a key twice in {where}: export again")
    return Refusal(
        "json", f"is cut or malformed at {where}, which is no JSON: deliver it again"
    )


def _too_long(number: int, limits: Limits) -> Refusal:
    return Refusal(
        "record_too_long",
        f"has a record of more than {limits.record} characters, the {number}. "
        "(TAKT_LIMIT_RECORD)",
    )
