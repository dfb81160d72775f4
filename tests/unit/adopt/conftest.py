"""A desk at which a test adopts logs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.settings import Settings
from tests.unit.adopt.logs import Desk, project

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def desk(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """An empty warehouse beside a project of its own."""
    root = project(tmp_path / "project")
    monkeypatch.setattr(Settings, "project", property(lambda self: root))
    return Desk(settings.model_copy(update={"as_of": AS_OF}), root)
