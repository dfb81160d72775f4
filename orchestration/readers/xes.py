"""XES: one record per event, streamed, without entities or document types.

A column's header is the attribute key; `case:` in front means the trace's attribute.
The `<global>` and `<classifier>` blocks are declarations, not events. Values stay
text as written; nested attributes and lists are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
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
from orchestration.readers.text import unpack_to

TRACE = "case:"
# So many events show every key that a log uses more than now and then.
KEYS_FROM = 20_000
_VALUES = frozenset({"string", "date", "int", "float", "boolean", "id"})


def read(
    connection: duckdb.DuckDBPyConnection,
    raw: Path,
    export: Export,
    limits: Limits,
    work: Path,
) -> Records:
    """The events of a log; raises Refusal."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError

    path = unpack_to(raw, export.compression, limits, work / "unpacked")
    sink = Sink(connection, export)
    if path.stat().st_size == 0:
        return sink.records([])
    headers = [column.in_file for column in export.columns]
    seen: set[str] = set()
    number = 0
    try:
        with path.open("rb") as file:
            for number, attributes in enumerate(_events(file), start=1):
                if attributes is None:
                    sink.reject(number, None, "duplicate_key")
                    continue
                seen.update(attributes)
                sink.add(number, [attributes.get(header) for header in headers])
    except DefusedXmlException:
        raise Refusal(
            "xml_dtd", "holds a document type or entities, which are never read"
        ) from None
    except ParseError as error:
        line, _ = error.position
        raise Refusal(
            "xml", f"is cut or malformed at line {line}: deliver it again"
        ) from None
    if number:
        check_header(export, sorted(seen), strict=False)
    return sink.records(seen - set(headers))


def keys(
    raw: Path, compression: str, limits: Limits, work: Path, most: int = KEYS_FROM
) -> tuple[str, ...]:
    """The attribute keys of the first events, those of the trace first.

    Raises Refusal.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError

    path = unpack_to(raw, compression, limits, work / "unpacked")
    seen: dict[str, None] = {}
    try:
        with path.open("rb") as file:
            for attributes in islice(_events(file), most):
                seen |= dict.fromkeys(attributes or ())
    except (DefusedXmlException, ParseError):
        raise Refusal("xml", "is no log that may be read: export it again") from None
    return tuple(sorted(seen, key=lambda key: not key.startswith(TRACE)))


def _events(file: IO[bytes]) -> Iterator[dict[str, str | None] | None]:
    """Attributes of each event with those of its trace; None where a key repeats."""
    from defusedxml.ElementTree import iterparse

    root: Any = None
    path: list[str] = []
    for kind, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
        tag = element.tag.rpartition("}")[2]
        if kind == "start":
            root = element if root is None else root
            path.append(tag)
            continue
        path.pop()
        if tag == "trace" and len(path) == 1:
            yield from _of_trace(element)
        if len(path) == 1:
            # Whatever is below the root has been used: memory stays one trace small.
            del root[:]


def _of_trace(trace: Any) -> Iterator[dict[str, str | None] | None]:
    shared = _attributes(trace, TRACE)
    for event in trace:
        if event.tag.rpartition("}")[2] == "event":
            own = _attributes(event, "")
            yield None if shared is None or own is None else shared | own


def _attributes(element: Any, prefix: str) -> dict[str, str | None] | None:
    """Simple attributes by key; None where one key occurs twice."""
    found: dict[str, str | None] = {}
    for child in element:
        if child.tag.rpartition("}")[2] in _VALUES:
            key = prefix + child.get("key", "")
            if key in found:
                return None
            found[key] = child.get("value")
    return found
