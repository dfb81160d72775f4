"""Warehouses that several integration tests read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.build import Candidate, build_candidate
from orchestration.contract import load_contracts
from orchestration.ledger import Ledger
from orchestration.settings import Settings
from tests.helpers.parsed import parsed, remember
from tests.helpers.warehouse import Warehouse, copy_warehouse


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    """The candidate of a night before any export has been delivered."""
    folder = tmp_path_factory.mktemp("empty")
    settings = Settings(home=folder / "home", exports=folder / "exports")
    remember(settings.home)
    exports = load_contracts(parsed().contents)
    as_of = datetime(2026, 6, 30, 18, tzinfo=UTC)
    with Ledger.open(settings.ledger_path) as ledger:
        return build_candidate(settings, ledger, exports, "empty", as_of)


@pytest.fixture
def warehouse(empty: Candidate, tmp_path: Path) -> Warehouse:
    """A copy of the empty warehouse that a test may fill."""
    return copy_warehouse(empty.path, tmp_path)
