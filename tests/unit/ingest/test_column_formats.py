"""What a column of the source contract may say about dates."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from orchestration.contract import Column


def test_a_date_may_be_a_month() -> None:
    column = Column(name="month", data_type="date", format="%Y-%m")
    assert column.formats == ("%Y-%m",)


@pytest.mark.parametrize(
    ("data_type", "form", "message"),
    [
        ("timestamp", "%Y-%m", "must hold the day"),
        ("date", "%Y", "must hold year and month"),
        ("date", "%d.%m.", "must hold year and month"),
    ],
)
def test_a_moment_needs_its_day_and_a_date_its_month(
    data_type: str, form: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Column(name="at", data_type=data_type, format=form)
