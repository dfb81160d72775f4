"""Figures, dates and units as people read them, the same way on every page.

ISO dates, local moments, a thin set of digits: as many as the register's resolution
allows and the spread deserves (the last digit is at least a fifth of sigma), and never
so few that a value beside its target looks equal to it. Values come in the unit shown:
the marts have applied `scale`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.scorecard.texts import Texts

NOTHING = "∅"
MOST_DIGITS = 4
LENGTHS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


class Formats:
    """The formats of one language and time zone."""

    def __init__(self, texts: Texts, timezone: str) -> None:
        self.texts = texts
        self.zone = ZoneInfo(timezone)

    # ------------------------------------------------------------ figures

    def number(self, value: float | None, digits: int = 0) -> str:
        """`1,234.5`; a true minus; ∅ for None."""
        if value is None or not math.isfinite(value):
            return NOTHING
        text = f"{value:,.{digits}f}"
        if float(text.replace(",", "")) == 0:
            text = text.lstrip("-")
        return text.replace("-", "−")

    def plain(self, value: float | None) -> str:
        """A figure somebody typed, such as a target: the digits that it has."""
        if value is None:
            return NOTHING
        # A target relative to a baseline has as many digits as the division gave.
        most = MOST_DIGITS if abs(value) < 1 else 2
        return self.number(value, min(most, _digits_of(value)))

    def share(self, value: float | None, digits: int = 0) -> str:
        """A share between 0 and 1 as per cent."""
        if value is None:
            return NOTHING
        return self.texts("unit.pct", value=self.number(100 * value, digits))

    def value(self, kpi: Mapping[str, Any], row: Mapping[str, Any]) -> str:
        """`row['value']` of a KPI, without unit."""
        return self.number(row.get("value"), digits(kpi, row))

    def quantity(self, kpi: Mapping[str, Any], row: Mapping[str, Any]) -> str:
        """The same with its unit; ∅ where there is no value."""
        if row.get("value") is None:
            return NOTHING
        return self.with_unit(kpi["unit"], self.value(kpi, row))

    def digits(self, kpi: Mapping[str, Any], row: Mapping[str, Any]) -> int:
        """Decimals of a KPI's value, for figures beside it."""
        return digits(kpi, row)

    def with_unit(self, unit: str, text: str) -> str:
        """`text` and a unit of the register, such as `98.4 %`.

        Units are free words: one without words of its own stands as it is.
        """
        key = f"unit.{unit}"
        if key in self.texts:
            return self.texts(key, value=text).strip()
        return f"{text} {unit.replace('_', ' ')}".strip()

    def unit(self, unit: str) -> str:
        """The unit alone, for a heading; empty for scores and counts."""
        return self.with_unit(unit, "")

    def bounds(self, least: float | None, most: float | None) -> str:
        """A target or limit with one side or two; ∅ without."""
        if least is not None and most is not None:
            return f"{self.plain(least)} … {self.plain(most)}"
        if least is not None:
            return f"≥ {self.plain(least)}"
        return NOTHING if most is None else f"≤ {self.plain(most)}"

    def bytes(self, count: int) -> str:
        """A size of a file."""
        return f"{max(1, round(count / 1000)):,} kB"

    # ------------------------------------------------------------ time

    def day(self, value: date | None) -> str:
        """A local date."""
        return NOTHING if value is None else str(value)[:10]

    def moment(self, value: datetime | str | None) -> str:
        """A UTC moment in local time, to the minute."""
        if value is None:
            return NOTHING
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return value.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def age(self, seconds: float | None) -> str:
        """A length of time in the largest unit that leaves two figures."""
        if seconds is None:
            return NOTHING
        for unit, length in LENGTHS:
            if abs(seconds) >= 2 * length or length == 1:
                amount = seconds / length
                few = 1 if abs(amount) < 10 and length > 1 else 0
                return self.with_unit(unit, self.number(amount, few))
        raise AssertionError

    def period(self, grain: str, start: date | str) -> str:
        """`2026-06`, `2026-Q2`, `2026-H1`, `2026-W27`; of ytd up to which month."""
        return period(grain, start)


def period(grain: str, start: date | str) -> str:
    """The name of an official period, the same in every language."""
    day = date.fromisoformat(str(start)[:10])
    match grain:
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{day:%Y-%m}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "half_year":
            return f"{day.year}-H{(day.month + 5) // 6}"
        case "ytd":
            return f"{day.year}-01…{day:%m}"
    return str(day)


def digits(kpi: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    """How many decimals a value of this KPI deserves."""
    most = _digits_of(kpi.get("resolution") or 1.0)
    few = most
    sigma = row.get("sigma")
    if sigma:
        few = min(most, max(0, math.floor(-math.log10(sigma / 5))))
    value = row.get("value")
    limits = ("target_min", "target_max", "alarm_min", "alarm_max")
    for target in map(row.get, limits):
        if value is None or target is None:
            continue
        few = max(few, min(most, _digits_of(target)))
        while (
            few < MOST_DIGITS
            and value != target
            and round(value, few) == round(target, few)
        ):
            few += 1
    return few


def _digits_of(value: float) -> int:
    text = f"{value:.6f}".rstrip("0")
    return len(text.partition(".")[2])
