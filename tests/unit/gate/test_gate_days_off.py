"""Days off: what is usual on them, and which days they are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from orchestration.gate import make_task
from orchestration.ledger import Ledger
from orchestration.settings import Settings
from orchestration.workdays import CalendarError, days_off
from tests.unit.gate.frames import (
    GOOD,
    REPOSITORY,
    SUITE_HASH,
    contracts,
    deliver,
)

PICKS = contracts()["wms.picks"]


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("20260624", False),  # Wednesday
        ("20260627", True),  # Saturday
        ("20260619", True),  # Friday, Dragon Boat Festival
        ("20260509", False),  # Saturday, worked instead of 5 May
        ("202606", False),  # a month is no day
        ("20330108", True),  # Saturday beyond the calendar's years
        ("20330107", False),
    ],
)
def test_a_listed_day_decides_else_the_weekday(period: str, expected: bool) -> None:
    assert days_off(REPOSITORY / "seeds", "warehouse")(period) is expected


def test_a_calendar_nobody_wrote_is_refused_by_name(tmp_path: Path) -> None:
    for seeds in (REPOSITORY / "seeds", tmp_path):
        with pytest.raises(CalendarError, match="'moon' is not in"):
            days_off(seeds, "moon")


def test_days_off_neither_make_the_usual_volume_nor_are_held_to_it(
    settings: Settings,
) -> None:
    """Three working days of 100, 120, 140 rows; a Saturday of 4; a holiday of 300."""
    with Ledger.open(settings.ledger_path) as ledger:

        def ratio(period: str, rows: int) -> float | None:
            frame = GOOD["wms.picks"](rows)
            for column in frame.select_dtypes("datetime"):
                frame[column] = pd.Timestamp(f"{period} 04:00")
            batch = deliver(settings, ledger, PICKS, frame, period)
            task = make_task(settings, ledger, PICKS, batch)
            ledger.record_verdict(
                batch,
                suite_hash=SUITE_HASH,
                verdict="PASS",
                expected=1,
                evaluated=1,
                results={},
                run_id="r",
            )
            return task.delivery["volume_ratio"]

        days = {"20260603": 100, "20260604": 120, "20260605": 140}
        assert [ratio(day, rows) for day, rows in days.items()] == [None] * 3
        assert ratio("20260606", 4) is None
        assert ratio("20260619", 300) == 2.5
        assert ratio("20260622", 60) == 0.5
