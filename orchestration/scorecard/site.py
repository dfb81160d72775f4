"""Writes the site of one version: every page in every language, and what they share.

`<language>/<place>` is a page; `assets/` and `downloads/` are shared. Links are
relative, so that the folder works from `file://`, from any server, and as an archive.
Everything comes from the marts and the facts frozen beside them: the same version gives
the same bytes, whoever writes it and whenever.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from orchestration.query import open_marts
from orchestration.scorecard import data, executive, kpis, processes
from orchestration.scorecard.charts import Charts
from orchestration.scorecard.formats import Formats
from orchestration.scorecard.reading import Marts
from orchestration.scorecard.texts import LANGUAGES, Texts, catalogue
from orchestration.scorecard.view import Page, View

HERE = Path(__file__).parent
LANGUAGE_CODES = {"en": "en", "zh": "zh-CN"}


Pages = Callable[[View], Iterable[Page]]

# The order of the navigation.
VIEWS: tuple[Pages, ...] = (
    executive.pages,
    processes.pages,
    kpis.pages,
    executive.decision_pages,
    data.pages,
)


def build_site(marts: Path, facts: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the site into `folder`, which must not exist yet; the files written.

    `marts` is the version's marts.duckdb, `facts` what `facts.collect` froze. Raises
    TextError where a text is missing in a language.
    """
    files: dict[str, bytes] = {}
    texts = catalogue()
    charts = Charts()
    pages: dict[str, str] = {}
    with open_marts(marts) as connection:
        reading = Marts(connection)
        for language in LANGUAGES:
            t = Texts(language, texts)
            view = View(
                language,
                reading,
                facts,
                t,
                Formats(t, facts["timezone"]),
                charts,
                files,
            )
            pages |= {f"{language}/{at}": page for at, page in _rendered(view)}
    files |= {name: _lean(charts.placed(page)) for name, page in pages.items()}
    for path in sorted((HERE / "assets").iterdir()):
        files[f"assets/{path.name}"] = path.read_bytes()
    files["index.html"] = (
        _environment()
        .get_template("start.html")
        .render(site=Texts("en", texts)("site"), languages=_languages(texts))
        .encode()
    )
    written = []
    for name, contents in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
        written.append(path)
    return written


def _lean(page: str) -> bytes:
    """The page without the indentation of its templates."""
    parts = _KEPT.split(page)
    parts[::2] = [_INDENT.sub("\n", part) for part in parts[::2]]
    return "".join(parts).encode()


# Code keeps its lines.
_KEPT = re.compile(r"(<pre\b.*?</pre>)", re.DOTALL)
_INDENT = re.compile(r"\s*\n\s*")


def _languages(texts: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "folder": one,
            "code": LANGUAGE_CODES[one],
            "name": Texts(one, texts)("language"),
        }
        for one in LANGUAGES
    ]


def _rendered(view: View) -> Iterator[tuple[str, str]]:
    pages = [page for pages in VIEWS for page in pages(view)]
    places = frozenset(page.place for page in pages)
    stylesheets = sorted(path.name for path in (HERE / "assets").glob("*.css"))
    environment = _environment()
    languages = _languages(catalogue())
    for page in pages:
        link = partial(href, page.place, places)
        template = environment.get_template(page.template)
        yield (
            page.place,
            template.render(
                page.content,
                page=page,
                view=view,
                t=view.t,
                f=view.f,
                href=link,
                has=places.__contains__,
                picture=view.charts.picture,
                stylesheets=stylesheets,
                languages=languages,
                language=view.language,
                code=LANGUAGE_CODES[view.language],
                nav=[one for one in pages if one.nav],
            ),
        )


def href(here: str, places: frozenset[str], place: str, anchor: str = "") -> Markup:
    """A relative link from the page `here` to another place; ValueError if none is."""
    if not place.startswith("../") and place not in places:
        raise ValueError(f"{here} links to {place}, which is no page")
    path = posixpath.relpath(place, posixpath.dirname(here) or ".")
    return Markup("{}{}").format(path, f"#{anchor}" if anchor else "")


# A date or period that a line must not break.
_DATE = re.compile(r"\d{4}-(?:W?\d\d|[QH]\d)(?:-\d\d(?: \d\d:\d\d)?|…\d\d)?")


def _whole(text: str) -> Markup:
    """A sentence whose dates stay in one piece."""
    return Markup(_DATE.sub(r'<span class="nowrap">\g<0></span>', str(escape(text))))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["whole"] = _whole
    return environment
