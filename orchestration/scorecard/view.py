"""What a page is, and what the modules that make pages work with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date
from hashlib import sha256
from typing import Any

from orchestration.scorecard.charts import Charts
from orchestration.scorecard.formats import Formats
from orchestration.scorecard.reading import Marts
from orchestration.scorecard.texts import Texts


@dataclass(frozen=True)
class Page:
    """One page in one language; `place` is its path below the language's folder.

    `nav` is the key of its text in the main navigation, of whole views only; `section`
    the key of the view it belongs to. `content` is what its template sees besides `t`,
    `f`, `href`, `picture` and `view`.
    """

    place: str
    template: str
    title: str
    section: str
    content: Mapping[str, Any] = field(default_factory=dict)
    nav: str | None = None


@dataclass(frozen=True)
class View:
    """What a module of pages works with: marts, frozen facts, words and figures."""

    language: str
    marts: Marts
    facts: Mapping[str, Any]
    t: Texts
    f: Formats
    charts: Charts
    files: dict[str, bytes]

    @property
    def version(self) -> Mapping[str, Any]:
        """Number, run and as-of moment of this version."""
        return self.marts.row("select * from takt_version")

    @property
    def today(self) -> date | None:
        """The local day of the as-of moment."""
        as_of = self.version.get("as_of")
        return as_of and as_of.replace(tzinfo=UTC).astimezone(self.f.zone).date()

    def named(self, row: Mapping[str, Any] | None, prefix: str = "name") -> str:
        """`name_en` or `name_zh` of a row, whichever is this language's."""
        row = row or {}
        return row.get(f"{prefix}_{self.language}") or row.get(f"{prefix}_en") or ""

    def word(self, kind: str, code: str) -> str:
        """The text `kind.code`; codes of a project of its own stand for themselves."""
        key = f"{kind}.{code}"
        return self.t(key) if key in self.t else code.replace("_", " ")

    def download(self, name: str, make: Callable[[], bytes]) -> tuple[str, int]:
        """Adds a file that all languages share, unless it is empty: place and size."""
        place = f"downloads/{name}"
        if place not in self.files and (contents := make()):
            self.files[place] = contents
        return f"../{place}", len(self.files.get(place, b""))


def place_of(kind: str, code: str) -> str:
    """Where the page of a process or KPI lies, such as `kpi/orders.dispatch.html`.

    A code that is no plain file name gets one of its own.
    """
    if not re.fullmatch(r"[a-z0-9_][a-z0-9_.]{0,99}", code):
        kept = re.sub(r"[^a-z0-9_]+", "-", code.lower())[:40]
        code = f"{kept}-{sha256(code.encode()).hexdigest()[:8]}"
    return f"{kind}/{code}.html"
