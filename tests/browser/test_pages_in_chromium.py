"""Every page in Chromium: silent, closed to the outside, readable, accessible."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpers.site_visits import DESK, Visit, look, watch, wrong

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_no_page_says_anything_to_the_console(visits: list[Visit]) -> None:
    assert not wrong(visits, "messages")


def test_no_request_leaves_the_site(visits: list[Visit]) -> None:
    for one in visits:
        root = next(p for p in one.path.parents if p.name == "scorecard").as_uri()
        outside = [url for url in one.requests if not url.startswith(f"{root}/")]
        assert not outside, one.name


def test_nothing_overlaps_is_cut_off_or_empty(visits: list[Visit]) -> None:
    assert not wrong(visits, "layout")


def test_axe_finds_nothing_serious_on_any_kind_of_page(visits: list[Visit]) -> None:
    assert not wrong(visits, "accessibility")


def test_views_in_both_languages_were_visited(visits: list[Visit]) -> None:
    names = {one.name for one in visits}
    for language in ("en", "zh"):
        views = ("index", "processes", "kpis", "decisions", "data")
        for view in views:
            assert f"scorecard/{language}/{view}.html" in names


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The site behind a web server on loopback; its address."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_served_site_works_like_the_files(browser: Browser, served: str) -> None:
    page = browser.new_page(viewport=DESK)
    seen = Visit(Path("served"))
    watch(page, lambda: seen)
    page.goto(served)
    page.wait_for_url("**/index.html")
    page.click("header nav a >> nth=1")
    page.click("main h2 a >> nth=0")
    assert "/process/" in page.url
    page.click("header .languages a")
    assert "/zh/process/" in page.url
    page.close()
    assert not seen.messages
    assert all(url.startswith(served) for url in seen.requests)


def test_content_does_not_need_javascript(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "zh" / "process" / "orders.html").as_uri())
    assert page.locator("main h1").inner_text() == "订单处理"
    assert page.locator("main svg").count() > 5
    assert page.locator("script").count() == 0
    context.close()


@pytest.mark.parametrize(
    "place", ["en/index.html", "en/process/orders.html", "zh/kpis.html"]
)
def test_the_keyboard_walks_in_reading_order(
    browser: Browser, site: Path, place: str
) -> None:
    """Each Tab goes on to the next link, summary or scrolling region, and shows it."""
    page = browser.new_page(viewport=DESK)
    page.goto((site / place).as_uri())
    reachable = page.evaluate(
        "() => [...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')]"
        ".filter(one => one.checkVisibility()).length"
    )
    walked = []
    for _ in range(reachable):
        page.keyboard.press("Tab")
        walked.append(
            page.evaluate(
                """() => {
                const one = document.activeElement;
                const all = [...document.querySelectorAll('*')];
                const style = getComputedStyle(one);
                return {at: all.indexOf(one), tag: one.tagName,
                        outline: parseFloat(style.outlineWidth) > 0
                                 && style.outlineStyle !== 'none',
                        seen: one.getBoundingClientRect().width > 0};
                }"""
            )
        )
    page.close()
    places = [one["at"] for one in walked]
    assert places == sorted(set(places)), "back or stuck"
    assert all(one["outline"] and one["seen"] for one in walked)
    assert "BODY" not in {one["tag"] for one in walked}


def test_the_first_tab_leads_past_the_navigation(browser: Browser, site: Path) -> None:
    page = browser.new_page(viewport=DESK)
    page.goto((site / "en" / "kpis.html").as_uri())
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    page.keyboard.press("Tab")
    inside = "document.querySelector('main').contains(document.activeElement)"
    assert page.evaluate(inside)
    page.close()


@pytest.mark.parametrize(
    ("place", "most_pages"), [("index.html", 2), ("process/orders.html", 12)]
)
def test_print_is_complete(
    browser: Browser, site: Path, place: str, most_pages: int
) -> None:
    """The overview lies across; what is folded on a screen is printed."""
    page = browser.new_page(viewport=DESK)
    page.goto((site / "zh" / place).as_uri())
    printed = page.pdf(prefer_css_page_size=True)
    sizes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", printed)
    assert 1 <= len(sizes) <= most_pages
    width, height = (float(one) for one in sizes[0])
    assert (width > height) == (place == "index.html")
    page.emulate_media(media="print")
    folded = page.evaluate(
        "() => [...document.querySelectorAll('details > :not(summary)')]"
        ".filter(one => !one.checkVisibility()).length"
    )
    assert folded == 0
    page.close()


# What each check is there to see, as a page.
DEFECTS = {
    "overlap": "<p style='position:absolute;top:9px'>one text</p>"
    "<p style='position:absolute;top:12px'>another text</p>",
    "sticks out": "<p style='white-space:nowrap'>" + "wide " * 500 + "</p>",
    "cut off": "<p style='overflow:hidden;width:40px;white-space:nowrap'>"
    "much too long</p>",
    "outside its drawing": "<svg role=img width=90 height=20><title>a</title>"
    "<desc>a</desc><text x=70 y=15>far too long</text></svg>",
    "an empty chart": "<svg role=img width=90 height=20><title>a</title>"
    "<desc>a</desc><g></g></svg>",
    "a chart without title": "<svg role=img width=90 height=20><g></g></svg>",
    "wider than its box": "<svg class=drawn-map role=img width=400 height=40>"
    "<title>a</title><desc>a</desc><g><rect width=30 height=20 fill=red />"
    "<text x=5 y=15>wider than that</text></g></svg>",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_layout_check_sees(browser: Browser, axe: str, defect: str) -> None:
    seen = _seen(browser, DEFECTS[defect], axe)
    assert any(defect in one for one in seen.layout), seen.layout


def test_the_other_checks_see_theirs(browser: Browser, axe: str) -> None:
    seen = _seen(
        browser,
        "<img src='http://127.0.0.1:9/x.png'><p style='color:#ccc'>pale text</p>"
        "<script>console.error('said')</script>",
        axe,
    )
    assert any("said" in one for one in seen.messages)
    assert "http://127.0.0.1:9/x.png" in seen.requests
    assert any(one.startswith("image-alt") for one in seen.accessibility)
    assert any(one.startswith("color-contrast") for one in seen.accessibility)


def _seen(browser: Browser, body: str, axe: str) -> Visit:
    page = browser.new_page(viewport=DESK)
    seen = Visit(Path("planted"))
    watch(page, lambda: seen)
    page.set_content(f"<!doctype html><html lang=en><title>t</title>{body}")
    look(page, seen, axe)
    page.close()
    return seen
