"""Fixtures of the fault tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.tiny import TinySettings
from tests.faults.tiny_fixtures import Waiting, make_waiting


@pytest.fixture(scope="session")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Waiting:
    """A home with version 1 published and one batch more; never changed itself."""
    return make_waiting(tmp_path_factory.mktemp("waiting"))


@pytest.fixture
def tiny(waiting: Waiting, tmp_path: Path) -> TinySettings:
    """Settings of a copy of `waiting` that the test may change."""
    return waiting.copy(tmp_path / "home")
