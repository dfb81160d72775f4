"""Events of a XES log, read with nothing but the standard library."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import iterparse


def traces(path: Path) -> Iterator[tuple[dict[str, str], list[dict[str, str]]]]:
    """Attributes of each case and of its events, in the order of the file."""
    with gzip.open(path) as stream:
        for _, element in iterparse(stream):
            if not element.tag.endswith("}trace"):
                continue
            case = {
                child.get("key"): child.get("value")
                for child in element
                if not child.tag.endswith("}event")
            }
            events = [
                {child.get("key"): child.get("value") for child in event}
                for event in element
                if event.tag.endswith("}event")
            ]
            yield case, events
            element.clear()
