"""The scorecard in a real browser: Chromium, axe-core and an HTML validator.

Where one of them is absent, the tests that need it skip and say what to install;
with REQUIRE_BROWSER set, as in `.ci/run`, they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.helpers.site_planting import STATES, build_empty, build_planted
from tests.helpers.site_visits import Visit, visit_all

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.helpers.published_demo import Published, Warehouse

NODE_MODULES = (
    Path(__file__).resolve().parents[2] / ".venv" / "browser" / "node_modules"
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Every view, and KPIs of every unit and period; the states are planted.
KPIS = (
    "orders.processing_minutes",
    "quality.first_pass_yield_pct",
    "collaboration.rating_360_score",
    "leads.followups_per_week",
    "company.revenue_vs_prior_year_pct",
)

# One page of a kind is enough for the accessibility engine.
AUDITED = ("orders", "orders.processing_minutes")


def absent(what: str, remedy: str) -> NoReturn:
    message = f"{what} is not there: {remedy}"
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="make test")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        absent("Chromium", "apt-get install chromium fonts-noto-cjk")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield running
        running.close()


def package(name: str) -> Path:
    """The folder of an npm package of `.ci/browser/package-lock.json`."""
    folder = NODE_MODULES / name
    if not folder.is_dir():
        absent(name, "run `.ci/browser/install` (needs npm)")
    return folder


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return (package("axe-core") / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def html_validate() -> Path:
    """The command line of html-validate."""
    return package("html-validate") / "bin" / "html-validate.mjs"


@pytest.fixture(scope="session")
def published(demo_warehouse: Warehouse) -> Published:
    return demo_warehouse.published


@pytest.fixture(scope="session")
def site(published: Published) -> Path:
    """The scorecard of the demo company, as it was published."""
    return published.folder / "scorecard"


@pytest.fixture(scope="session")
def planted(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small copy of the demo with every designed state and with hostile values."""
    folder = tmp_path_factory.mktemp("planted")
    return build_planted(published.folder, folder)


@pytest.fixture(scope="session")
def first_run(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scorecard of a version in which no mart has a row."""
    return build_empty(published.folder, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="session")
def visits(
    browser: Browser, site: Path, planted: Path, first_run: Path, axe: str
) -> list[Visit]:
    """Every view in both languages, on a desk and on a telephone.

    With axe: each kind of page in each language, each state, and a first run.
    """
    shown = [
        path
        for path in sorted(site.glob("*/**/*.html"))
        if path.parent.name != "kpi" or path.stem in KPIS
    ]
    audited = {
        path
        for path in shown
        if path.parent.name not in ("kpi", "process") or path.stem in AUDITED
    }
    states = sorted(planted.glob("zh/**/*.html"))
    audited |= {path for path in states if path.stem in (*STATES.values(), "orders")}
    empty = sorted(first_run.glob("en/**/*.html"))
    audited |= {first_run / "en" / "index.html", first_run / "en" / "data.html"}
    return visit_all(browser, [*shown, *states, *empty], audited, axe)
