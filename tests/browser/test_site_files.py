"""The files of the site: links that lead somewhere, and HTML that is valid."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.browser.conftest import KPIS, absent
from tests.helpers.site_planting import STATES
from tests.helpers.site_reading import page_text

LANGUAGES = ("en", "zh")
VALIDATED = (*KPIS, *STATES.values())
# Of html-validate's own advice we keep what browsers stumble over; inline SVG brings
# attributes of another standard.
RULES = """{
  "root": true,
  "extends": ["html-validate:standard"],
  "rules": {
    "no-inline-style": "error",
    "long-title": "off",
    "no-trailing-whitespace": "off",
    "void-style": "off",
    "require-sri": "off",
    "tel-non-breaking": "off"
  }
}
"""


@pytest.fixture(params=["site", "planted", "first_run"])
def any_site(
    request: pytest.FixtureRequest, site: Path, planted: Path, first_run: Path
) -> Path:
    return {"site": site, "planted": planted, "first_run": first_run}[request.param]


def test_every_internal_link_leads_somewhere(any_site: Path) -> None:
    assert broken_links(any_site) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<a href='b.html'>b</a><a href='#c'>c</a>")
    assert broken_links(tmp_path) == ["a.html: b.html", "a.html: #c"]


def broken_links(folder: Path) -> list[str]:
    pages = {path: page_text(path) for path in sorted(folder.rglob("*.html"))}
    broken = []
    for path, page in pages.items():
        for one in page.elements:
            address = one.attributes.get("href")
            if address is None:
                continue
            place, _, anchor = address.partition("#")
            target = (path.parent / unquote(place)).resolve() if place else path
            known = target.is_file() and target.is_relative_to(folder.resolve())
            if not known or (anchor and anchor not in pages[target].ids):
                broken.append(f"{path.relative_to(folder)}: {address}")
    return broken


def test_each_page_is_there_in_both_languages(any_site: Path) -> None:
    first, second = (
        {str(path.relative_to(any_site / one)) for path in (any_site / one).rglob("*")}
        for one in LANGUAGES
    )
    assert first == second


def test_each_page_names_its_language(site: Path) -> None:
    for language, code in (("en", "en"), ("zh", "zh-CN")):
        for path in (site / language).rglob("*.html"):
            start = path.read_text(encoding="utf-8")[:200]
            assert f'<html lang="{code}">' in start


def test_every_kind_of_page_is_valid_html(any_site: Path, html_validate: Path) -> None:
    """Pages of KPIs are of one template: a few of them, in one language."""
    pages = [
        path
        for path in sorted(any_site.rglob("*.html"))
        if path.parent.name != "kpi" or (path.stem in VALIDATED and "zh" in path.parts)
    ]
    done = validate(pages, html_validate)
    assert done.returncode == 0, done.stdout[-4000:]


def test_invalid_html_is_noticed(tmp_path: Path, html_validate: Path) -> None:
    (tmp_path / "a.html").write_text(
        "<!doctype html><html lang=en><title>a</title><p><div>no</div></p>"
    )
    assert validate([tmp_path / "a.html"], html_validate).returncode == 1


def validate(pages: list[Path], program: Path) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if node is None:
        absent("Node.js", "apt-get install nodejs npm")
    rules = program.parents[1] / "takt-rules.json"
    rules.write_text(RULES, encoding="utf-8")
    return subprocess.run(
        [node, str(program), "--config", str(rules), "--formatter", "text",
         *map(str, pages)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
