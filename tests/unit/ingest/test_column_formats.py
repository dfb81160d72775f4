"""What a column of the source contract may say about dates."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest
from pydantic import ValidationError

from orchestration.contract import Column
from orchestration.readers.typed import from_epoch


def test_a_date_may_be_a_month() -> None:
    column = Column(name="month", data_type="date", format="%Y-%m")
    assert column.formats == ("%Y-%m",)


@pytest.mark.parametrize(
    ("data_type", "form", "message"),
    [
        ("timestamp", "%Y-%m", "must hold the day"),
        ("date", "%Y", "must hold year and month"),
        ("date", "%d.%m.", "must hold year and month"),
        ("date", "epoch_seconds", "epoch_seconds is for columns of type timestamp"),
        ("timestamp", "epoch_days", "must hold year and month"),
    ],
)
def test_a_moment_needs_its_day_and_a_date_its_month(
    data_type: str, form: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Column(name="at", data_type=data_type, format=form)


@pytest.mark.parametrize(
    ("form", "cell", "expected"),
    [
        ("epoch_seconds", "1772355600", datetime(2026, 3, 1, 9)),
        ("epoch_seconds", "1772355600.25", datetime(2026, 3, 1, 9, 0, 0, 250_000)),
        ("epoch_milliseconds", "1772355600123", datetime(2026, 3, 1, 9, 0, 0, 123_000)),
        ("epoch_seconds", "soon", None),
    ],
)
def test_a_number_since_1970_is_a_time_in_utc(
    form: str, cell: str, expected: datetime | None
) -> None:
    """20,513 days and nine hours after 1970: 1,772,355,600 seconds."""
    assert (datetime(2026, 3, 1) - datetime(1970, 1, 1)).days == 20_513
    sql = f"select {from_epoch(repr(cell), form)}"
    assert duckdb.connect().execute(sql).fetchone() == (expected,)
