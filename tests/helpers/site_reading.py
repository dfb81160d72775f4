"""Reads a page of the scorecard as a program of its own would: tags, links, tables.

Standard library only, and nothing of the code that writes the pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "br", "img", "input", "hr"}


@cache
def page_text(path: Path) -> PageText:
    """The page in this file, taken apart once for all tests that read it."""
    return PageText(path)


@dataclass
class Table:
    caption: str = ""
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def column(self, number: int) -> list[str]:
        return [row[number] for row in self.rows]


@dataclass
class Element:
    """A tag with its attributes and all text inside."""

    tag: str
    attributes: dict[str, str]
    text: str = ""

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())


class PageText(HTMLParser):
    """A page taken apart; `elements` in the order of the document."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.path = path
        self.elements: list[Element] = []
        self.tables: list[Table] = []
        self._open: list[Element] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)
        if tag == "table":
            self.tables.append(Table())
        elif tag == "tr" and not self._inside("thead"):
            self.tables[-1].rows.append([])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            element = self._open.pop()
            text = " ".join(element.text.split())
            if element.tag == "caption":
                self.tables[-1].caption = text
            elif element.tag in ("th", "td"):
                if self._inside("thead"):
                    self.tables[-1].head.append(text)
                else:
                    self.tables[-1].rows[-1].append(text)
            if element.tag == tag:
                return

    def _inside(self, tag: str) -> bool:
        return any(one.tag == tag for one in self._open)

    def all(self, tag: str, name: str | None = None) -> list[Element]:
        """Elements of a tag, with a class if one is named."""
        return [
            one
            for one in self.elements
            if one.tag == tag and (name is None or name in one.classes)
        ]

    def table(self, caption: str) -> Table:
        """The table with this caption, the only one."""
        (found,) = [one for one in self.tables if one.caption == caption]
        return found

    @property
    def text(self) -> str:
        return " ".join(self.all("body")[0].text.split())

    @property
    def ids(self) -> set[str]:
        return {one.attributes["id"] for one in self.elements if "id" in one.attributes}


def number(text: str) -> tuple[float, float]:
    """The figure in a text, and half a unit of its last digit; ValueError if none."""
    found = re.search(r"[−-]?[\d,]*\.?\d+", text)
    if found is None:
        raise ValueError(f"no figure in {text!r}")
    plain = found[0].replace(",", "").replace("−", "-")
    return float(plain), 0.5 * 10.0 ** -len(plain.partition(".")[2])


def says(text: str, value: float) -> bool:
    """Does the text show this value, rounded to the digits that it has?"""
    shown, half = number(text)
    return abs(shown - value) <= half * 1.000001
