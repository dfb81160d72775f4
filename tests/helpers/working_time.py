"""Working time by clipping shifts one by one: an oracle that shares nothing with SQL.

Slow and plain on purpose: every shift of every local day is converted with `zoneinfo`
and clipped to the interval asked for.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
Shift = tuple[str, str]


@dataclass(frozen=True)
class WorkCalendar:
    """Weekly shifts (1 Monday to 7 Sunday) and the days that replace them.

    An exceptional day without shifts is closed. Hours are `HH:MM`; a shift that closes
    at or before it opens ends on the next day.
    """

    code: str
    timezone: str
    first_day: date
    last_day: date
    weekly: Mapping[int, Sequence[Shift]]
    exceptions: Mapping[date, Sequence[Shift]] = field(default_factory=dict)

    def shifts(self, day: date) -> Sequence[Shift]:
        if day in self.exceptions:
            return self.exceptions[day]
        return self.weekly.get(day.isoweekday(), ())

    def covers(self, moment: datetime) -> bool:
        """Whether the local day of a naive UTC moment lies in the years entered."""
        local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(self.timezone)).date()
        return self.first_day <= local <= self.last_day

    def stretches(self) -> list[tuple[datetime, datetime]]:
        """Opening hours as naive UTC pairs, in order of opening."""
        found = []
        day = self.first_day
        while day <= self.last_day:
            for opens, closes in self.shifts(day):
                start, end = _wall(day, opens), _wall(day, closes)
                if end <= start:
                    end += timedelta(days=1)
                    midnight = _wall(day, "24:00")
                    tomorrow = midnight.date()
                    if tomorrow > self.last_day or (
                        tomorrow in self.exceptions and not self.exceptions[tomorrow]
                    ):
                        end = midnight
                found.append((self._utc(start), self._utc(end)))
            day += timedelta(days=1)
        return sorted(found)

    def _utc(self, wall: datetime) -> datetime:
        aware = wall.replace(tzinfo=ZoneInfo(self.timezone), fold=0)
        return aware.astimezone(UTC).replace(tzinfo=None)

    def registers(self) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """The same calendar as rows of `calendars.csv` and `calendar_days.csv`."""
        weekly = [
            {
                "calendar_code": self.code,
                "weekday": str(weekday),
                "opens_at": opens,
                "closes_at": closes,
                "valid_from": self.first_day.isoformat(),
                "valid_to": (self.last_day + timedelta(days=1)).isoformat(),
                "timezone": self.timezone,
            }
            for weekday, shifts in self.weekly.items()
            for opens, closes in shifts
        ]
        days = [
            {
                "calendar_code": self.code,
                "day": day.isoformat(),
                "opens_at": opens,
                "closes_at": closes,
                "is_open": "true" if shifts else "false",
            }
            for day, shifts in self.exceptions.items()
            for opens, closes in (shifts or [("", "")])
        ]
        return weekly, days


def _wall(day: date, clock: str) -> datetime:
    hours, minutes = map(int, clock.split(":"))
    return datetime(day.year, day.month, day.day) + timedelta(
        hours=hours, minutes=minutes
    )


def whole_second(moment: datetime) -> int:
    """s(t): whole seconds since 1970, rounded down."""
    return (moment - datetime(1970, 1, 1)) // timedelta(seconds=1)


def working_seconds(
    stretches: Sequence[tuple[datetime, datetime]], start: datetime, end: datetime
) -> int:
    """Seconds of [start, end) inside the stretches; negative if end is before start."""
    if end < start:
        return -working_seconds(stretches, end, start)
    low, high = whole_second(start), whole_second(end)
    return sum(
        max(min(high, whole_second(closes)) - max(low, whole_second(opens)), 0)
        for opens, closes in stretches
        if opens < end and closes > start
    )


def project_calendar(code: str) -> WorkCalendar:
    """A calendar of the project's own seeds, read without the models."""
    weekly: dict[int, list[tuple[str, str]]] = {}
    exceptions: dict[date, list[tuple[str, str]]] = {}
    with (SEEDS / "calendars.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["calendar_code"] == code:
                shift = (row["opens_at"], row["closes_at"])
                weekly.setdefault(int(row["weekday"]), []).append(shift)
    with (SEEDS / "calendar_days.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["calendar_code"] == code:
                shifts = exceptions.setdefault(date.fromisoformat(row["day"]), [])
                if row["is_open"] == "true":
                    shifts.append((row["opens_at"], row["closes_at"]))
    return WorkCalendar(
        code,
        "Asia/Shanghai",
        date(2024, 1, 1),
        date(2026, 12, 31),
        weekly,
        exceptions,
    )
