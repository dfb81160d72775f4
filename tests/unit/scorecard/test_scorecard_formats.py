"""Figures and dates as people read them; every expectation worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from orchestration.scorecard.formats import Formats, digits, period
from orchestration.scorecard.texts import Texts, catalogue


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


def formats(language: str = "en") -> Formats:
    return Formats(Texts(language, catalogue()), "Asia/Shanghai")


@pytest.mark.parametrize(
    ("value", "few", "text"),
    [
        (1234.5, 1, "1,234.5"),
        (-3.26, 1, "−3.3"),
        (-0.04, 1, "0.0"),
        (None, 1, "∅"),
        (float("nan"), 1, "∅"),
        (float("inf"), 0, "∅"),
    ],
)
def test_a_number(value: float | None, few: int, text: str) -> None:
    assert formats().number(value, few) == text


@pytest.mark.parametrize(
    ("resolution", "row", "expected"),
    [
        # Sigma 3.06: a fifth is 0.61, so whole numbers carry everything.
        (0.1, {"value": 120.4, "sigma": 3.06}, 0),
        # Sigma 0.018: a fifth is 0.0037, but the register stops at hundredths.
        (0.01, {"value": 4.5404, "sigma": 0.018}, 2),
        (0.1, {"value": 98.44, "sigma": None}, 1),
        # 4.197 rounds to 4.20, which is the limit it misses.
        (0.01, {"value": 4.197, "sigma": None, "target_min": 4.2}, 3),
        # The target is written with a decimal, so the value is too.
        (0.1, {"value": 96.6, "sigma": 9.0, "target_min": 97.5}, 1),
        (0.1, {"value": 100.0, "sigma": 9.0, "target_max": 100.0}, 0),
    ],
)
def test_digits_follow_spread_resolution_and_target(
    resolution: float, row: dict, expected: int
) -> None:
    assert digits({"resolution": resolution}, row) == expected


@pytest.mark.parametrize(
    ("least", "most", "text"),
    [
        (97.5, None, "≥ 97.5"),
        (None, 15.0, "≤ 15"),
        (1.0, 2.5, "1 … 2.5"),
        (None, None, "∅"),
    ],
)
def test_a_target(least: float | None, most: float | None, text: str) -> None:
    assert formats().bounds(least, most) == text


@pytest.mark.parametrize(
    ("grain", "day", "name"),
    [
        ("day", date(2026, 6, 30), "2026-06-30"),
        # The last Monday of 2024 begins the first ISO week of 2025.
        ("week", date(2024, 12, 30), "2025-W01"),
        ("month", date(2026, 6, 1), "2026-06"),
        ("quarter", date(2026, 4, 1), "2026-Q2"),
        ("half_year", date(2026, 7, 1), "2026-H2"),
        ("ytd", date(2026, 5, 1), "2026-01…05"),
    ],
)
def test_a_period_has_the_same_name_in_every_language(
    grain: str, day: date, name: str
) -> None:
    assert period(grain, day) == name


def test_moments_are_local_and_days_are_iso(language: str) -> None:
    """18:00 in UTC is two in the morning of the next day in Shanghai."""
    f = formats(language)
    assert f.moment(datetime(2026, 6, 30, 18)) == "2026-07-01 02:00"
    assert f.moment("2026-06-30T18:00:00Z") == "2026-07-01 02:00"
    assert f.moment(datetime(2026, 6, 30, 18, tzinfo=UTC)) == "2026-07-01 02:00"
    assert f.day(date(2026, 7, 1)) == "2026-07-01"
    assert f.moment(None) == "∅"


def test_units_stand_once_and_as_the_language_writes_them() -> None:
    kpi = {"unit": "pct", "resolution": 0.1}
    assert formats("en").quantity(kpi, {"value": 98.44}) == "98.4 %"
    assert formats("zh").quantity(kpi, {"value": 98.44}) == "98.4%"
    assert formats("en").quantity(kpi, {"value": None}) == "∅"
    assert formats("en").unit("count") == ""


def test_a_unit_that_only_the_register_knows_stands_as_it_is() -> None:
    assert formats().with_unit("order_lines", "12") == "12 order lines"
