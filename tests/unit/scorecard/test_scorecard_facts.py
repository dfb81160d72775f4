"""What is frozen beside the marts, and the weights that rank what is shown of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from orchestration.build import Candidate
from orchestration.ledger import Ledger
from orchestration.scorecard.executive import shares
from orchestration.scorecard.facts import collect
from tests.unit.gate.frames import contracts

SECOND = 10**9


@pytest.mark.parametrize(
    ("mtime_ns", "arrived_at"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-SECOND, "1969-12-31T23:59:59.000000Z"),
        (1_782_757_800 * SECOND, "2026-06-29T18:30:00.000000Z"),
        (None, None),
    ],
)
def test_a_file_of_any_age_has_a_moment_of_arrival(
    tmp_path: Path, mtime_ns: int | None, arrived_at: str | None
) -> None:
    """Archives and copies bear the epoch itself as their time."""
    picks = contracts()["wms.picks"]
    candidate = cast(
        Candidate, SimpleNamespace(exports=(picks,), manifest={}, run_results=())
    )
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.record_file(
            source="wms",
            export="picks",
            path="wms/picks_20260629.csv.gz",
            logical_name="wms/picks_20260629.csv.gz",
            revision=1,
            period="20260629",
            contract_hash=picks.contract_hash,
            reading_hash="r",
            mtime_ns=mtime_ns,
            outcome="refused",
            refusal_code="truncated",
            refusal_message="the archive breaks off",
            first_seen_at="2026-06-29T18:30:00.000000Z",
            run_id="r",
        )
        (file,) = collect(ledger, candidate, "Asia/Shanghai")["exports"][0]["files"]
    assert file["arrived_at"] == arrived_at


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"a": None, "b": None}, {"a": 0.5, "b": 0.5}),
        ({"a": 3, "b": 1}, {"a": 0.75, "b": 0.25}),
        ({"a": 0.6, "b": None, "c": None}, {"a": 0.6, "b": 0.2, "c": 0.2}),
        ({"a": 0, "b": 1}, {"a": 0, "b": 1}),
        ({"a": 2, "b": None}, {"a": 1, "b": 0}),
        ({}, {}),
    ],
)
def test_goals_without_a_weight_share_what_the_others_leave(
    weights: dict[str, float | None], expected: dict[str, float]
) -> None:
    """A weight of 0 is a weight."""
    assert shares(weights) == pytest.approx(expected)
