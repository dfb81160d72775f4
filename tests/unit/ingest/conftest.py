"""A site to ingest into."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestration.ledger import Ledger
from orchestration.settings import Settings
from tests.helpers.ingesting import Site


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    """An empty warehouse and an empty exports folder."""
    with Ledger.open(settings.ledger_path) as ledger:
        yield Site(settings, ledger)
