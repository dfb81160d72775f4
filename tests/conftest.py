"""Fixtures shared by every suite."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestration.settings import PREFIX, Settings, load_settings

if TYPE_CHECKING:
    from tests.helpers.adopted_logs import Adopted
    from tests.helpers.published_demo import Warehouse

REPOSITORY = Path(__file__).resolve().parents[1]

# Each takes a minute to make; who needs one goes where it is.
SHARED = ("full_night", "demo_warehouse", "adopted")


def pytest_configure() -> None:
    """Manifests of dbt are large and stay: looking through them takes time."""
    gc.set_threshold(100_000, 20, 100)


# First: a worker reads the groups in a hook of its own, and what comes later is lost.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file, or of one shared fixture, stay on one worker.

    A fixture that is asked for by `getfixturevalue` is not seen here.
    """
    for item in items:
        needed = [name for name in SHARED if name in getattr(item, "fixturenames", ())]
        group = needed[0] if needed else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees the defaults, whatever the shell that started it has set."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty warehouse of its own, claiming files at once."""
    return load_settings(
        home=tmp_path / "home",
        exports=tmp_path / "exports",
        settle_seconds=0,
        pii_key="a key for tests only",
    )


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real exports kept beside the repository; never copied into it."""
    folder = REPOSITORY.parent / "shared" / "data" / "real"
    if not folder.is_dir():
        pytest.skip(f"no real exports at {folder}")
    return folder


@pytest.fixture(scope="session")
def demo_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The demo company, refreshed once for all tests that only read."""
    # Simulator and engine take a second to import; most tests need neither.
    from tests.helpers.published_demo import refreshed

    return refreshed(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    """The tutorial's log and the real ones adopted into one copy, refreshed once."""
    from tests.helpers.adopted_logs import adopt_all

    real = REPOSITORY.parent / "shared" / "data" / "real"
    return adopt_all(
        tmp_path_factory.mktemp("adopted"), real if real.is_dir() else None
    )
