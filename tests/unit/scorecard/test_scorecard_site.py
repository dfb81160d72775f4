"""The frame of the site: links, languages, policy, same bytes, and the first run."""

from __future__ import annotations

import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from orchestration.scorecard.site import build_site, href
from orchestration.scorecard.texts import LANGUAGES, TextError
from orchestration.scorecard.view import place_of

FACTS = {"timezone": "Asia/Shanghai", "exports": [], "versions": [], "models": {}}


@pytest.fixture
def marts(tmp_path: Path) -> Path:
    """The marts of a first run of a project that has no models yet."""
    path = tmp_path / "marts.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table takt_version as select cast(7 as bigint) as version, "
            "'r' as run_id, cast(? as timestamp) as as_of, 'c' as code_version",
            [datetime(2026, 6, 30, 18)],
        )
    return path


@pytest.fixture
def site(marts: Path, tmp_path: Path) -> Path:
    build_site(marts, FACTS, tmp_path / "site")
    return tmp_path / "site"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Links(HTMLParser):
    """What a page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [v for k, v in attrs if k in ("href", "src") and v is not None]


def test_every_link_of_a_first_run_leads_to_a_file_of_the_site(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in Links(page.read_text("utf-8")).found:
            target, _, anchor = link.partition("#")
            path = (page.parent / target).resolve() if target else page
            assert path.is_file(), f"{page} → {link}"
            assert path.is_relative_to(site)
            if anchor:
                assert f'id="{anchor}"' in path.read_text("utf-8"), f"{page} → {link}"


def test_both_languages_have_the_same_pages(site: Path) -> None:
    places = [
        {p.relative_to(site / one).as_posix() for p in (site / one).rglob("*.html")}
        for one in LANGUAGES
    ]
    assert places[0] == places[1]
    assert {"index.html", "decisions.html", "data.html"} <= places[0]


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", ("No goal has been scored yet", "No alarm is open", "No source is")),
        ("zh", ("尚无目标得分", "没有未解除的告警", "尚未声明数据源")),
    ],
)
def test_the_first_run_says_what_is_not_there_yet(
    site: Path, language: str, says: tuple[str, ...]
) -> None:
    page = (site / language / "index.html").read_text("utf-8")
    for words in says:
        assert words in page


def test_a_page_may_load_its_own_files_and_run_nothing(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        assert "default-src 'none'" in text
        assert "unsafe" not in text
        assert not re.search(r"<script|\son\w+=|\sstyle=|<style|//", text)


def test_every_page_says_its_language_version_and_moment(site: Path) -> None:
    page = (site / "zh" / "index.html").read_text("utf-8")
    assert '<html lang="zh-CN">' in page
    assert "版本 7" in page
    assert "2026-07-01 02:00" in page


def test_the_same_version_gives_the_same_bytes(
    site: Path, marts: Path, tmp_path: Path
) -> None:
    build_site(marts, FACTS, tmp_path / "again")
    assert contents(site) == contents(tmp_path / "again")


def test_a_missing_translation_ends_the_build(
    marts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.scorecard import site as building
    from orchestration.scorecard.texts import catalogue

    lacking = {key: texts for key, texts in catalogue().items() if key != "alarms.none"}
    monkeypatch.setattr(building, "catalogue", lambda: lacking)
    with pytest.raises(TextError, match=r"No text 'alarms\.none' in en"):
        build_site(marts, FACTS, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_link_to_a_page_that_is_not_there_is_refused() -> None:
    places = frozenset({"kpi/a.html", "index.html"})
    assert href("kpi/a.html", places, "index.html", "goals") == "../index.html#goals"
    assert href("index.html", places, "../assets/takt.css") == "../assets/takt.css"
    with pytest.raises(ValueError, match=r"links to kpi/b\.html"):
        href("index.html", places, "kpi/b.html")


@pytest.mark.parametrize(
    "code", ["../../etc/passwd", 'a"><script>', "A" * 300, "销售", "", "con:aux"]
)
def test_a_code_that_is_no_file_name_gets_one_of_its_own(code: str) -> None:
    place = place_of("kpi", code)
    assert re.fullmatch(r"kpi/[a-z0-9-]{1,60}\.html", place)
    assert place != place_of("kpi", code + "x")


def test_an_ordinary_code_is_its_own_file_name() -> None:
    assert place_of("kpi", "orders.pick_pct") == "kpi/orders.pick_pct.html"
