"""Local time, working calendars and delivery spans of the demo company.

A moment is an int64 of whole seconds since 1970-01-01T00:00 *local* time
(Asia/Shanghai has no daylight saving in the simulated years), `NONE` where unknown.
Working time is counted minute by minute from the calendar seeds; no code is shared
with the pipeline, so that the truth file can contradict it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np

NONE = -1
"""An unknown moment; every known one is positive."""

FAR = np.int64(1) << 40
"""A moment after all others."""

DAY = 86_400
ZONE = timezone(timedelta(hours=8))
UTC_OFFSET = 8 * 3_600
SEEDS = Path(__file__).parents[1] / "seeds"

FIRST_DAY = date(2024, 1, 1)
LAST_DAY = date(2026, 12, 31)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - 719_163


def moment(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """The local moment of a date and time of day."""
    return day_number(date(year, month, day)) * DAY + hour * 3_600 + minute * 60


def to_moment(instant: datetime) -> int:
    """A datetime as local moment; without offset it counts as local."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=ZONE)
    return int(instant.timestamp()) + UTC_OFFSET


def iso(at: int) -> str:
    """A local moment as ISO 8601 with offset."""
    return datetime.fromtimestamp(at - UTC_OFFSET, ZONE).isoformat()


def iso_day(day: int) -> str:
    """A day number as ISO date."""
    return date.fromordinal(int(day) + 719_163).isoformat()


def month_index(day: np.ndarray) -> np.ndarray:
    """Months since 1970-01 of day numbers."""
    day = np.asarray(day)
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def month_label(month: int) -> str:
    """`2025-01` of a month index."""
    return f"{1970 + month // 12}-{month % 12 + 1:02d}"


def month_of(year: int, month: int) -> int:
    """Month index of a year and month."""
    return (year - 1970) * 12 + month - 1


def month_start(month: int) -> int:
    """Day number of the first day of a month index."""
    return int(np.datetime64(int(month), "M").astype("datetime64[D]").astype(np.int64))


class Calendar:
    """Open minutes of one calendar, as prefix sums over all minutes."""

    def __init__(self, open_minutes: np.ndarray) -> None:
        self.base = day_number(FIRST_DAY) * DAY
        self._open = open_minutes
        self._before = np.concatenate([[0], np.cumsum(open_minutes, dtype=np.int64)])
        self._minutes = np.flatnonzero(open_minutes)
        self.days = np.flatnonzero(open_minutes.reshape(-1, 1_440).any(axis=1)) + (
            day_number(FIRST_DAY)
        )
        """Day numbers that have open time."""

    def worked(self, at: np.ndarray) -> np.ndarray:
        """Working seconds from the calendar's first day to each moment."""
        since = np.asarray(at, dtype=np.int64) - self.base
        minute, second = since // 60, since % 60
        minute = np.clip(minute, 0, len(self._open) - 1)
        return self._before[minute] * 60 + self._open[minute] * second

    def between(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Working seconds from start to end; negative if reversed."""
        return self.worked(end) - self.worked(start)

    def at(self, worked: np.ndarray) -> np.ndarray:
        """The moment at which so many seconds have been worked."""
        worked = np.asarray(worked, dtype=np.int64)
        minute = np.clip(worked // 60, 0, len(self._minutes) - 1)
        return self.base + self._minutes[minute] * 60 + worked % 60

    def is_open_day(self, day: np.ndarray) -> np.ndarray:
        """Whether day numbers have open time."""
        return np.isin(day, self.days)

    def next_day(self, day: np.ndarray) -> np.ndarray:
        """The first day with open time after each day number."""
        return self.days[np.searchsorted(self.days, day, side="right")]

    def opening(self, day: np.ndarray) -> np.ndarray:
        """The moment at which an open day begins to be worked."""
        return self.at(self.worked(np.asarray(day) * DAY))

    def closing(self, day: np.ndarray) -> np.ndarray:
        """The moment at which an open day ceases to be worked."""
        return self.at(self.worked((np.asarray(day) + 1) * DAY) - 1) + 1


def load_calendars(seeds: Path = SEEDS) -> dict[str, Calendar]:
    """Calendars by code, from the weekly pattern and the days that differ from it."""
    with (seeds / "calendars.csv").open(encoding="utf-8", newline="") as file:
        weekly = list(csv.DictReader(file))
    with (seeds / "calendar_days.csv").open(encoding="utf-8", newline="") as file:
        special = list(csv.DictReader(file))
    total = (LAST_DAY - FIRST_DAY).days + 1
    calendars = {}
    for code in sorted({row["calendar_code"] for row in weekly}):
        pieces = {weekday: [] for weekday in range(1, 8)}
        for row in weekly:
            if row["calendar_code"] == code:
                piece = (_minute(row["opens_at"]), _minute(row["closes_at"]))
                pieces[int(row["weekday"])].append(piece)
        differing: dict[date, list[tuple[int, int]]] = {}
        for row in special:
            if row["calendar_code"] == code:
                own = differing.setdefault(date.fromisoformat(row["day"]), [])
                if row["is_open"].strip().lower() in ("true", "1", "yes"):
                    own.append((_minute(row["opens_at"]), _minute(row["closes_at"])))
        minutes = np.zeros((total, 1_440), dtype=bool)
        for number in range(total):
            day = FIRST_DAY + timedelta(days=number)
            for start, end in differing.get(day, pieces[day.isoweekday()]):
                minutes[number, start:end] = True
        calendars[code] = Calendar(minutes.reshape(-1))
    return calendars


def _minute(text: str) -> int:
    hour, minute = text.strip().split(":")[:2]
    return int(hour) * 60 + int(minute)


@dataclass(frozen=True)
class Span:
    """The period of one file: day numbers, end exclusive, and when it is delivered."""

    label: str
    first: int
    end: int
    delivered_at: int


START = day_number(date(2025, 1, 1))
END = day_number(date(2026, 7, 1))
DAILY_FROM = day_number(date(2026, 6, 1))
WARM_UP = day_number(date(2024, 11, 1))


def month_spans(first: int = START, workbook: bool = False) -> list[Span]:
    """Whole months from a day number to June 2026.

    Monthly files come at 01:30 on the 1st, workbooks at 18:00 on the last day.
    """
    spans, start = [], first
    while start < END:
        month = int(month_index(np.array([start]))[0])
        end = month_start(month + 1)
        at = end * DAY - 6 * 3_600 if workbook else end * DAY + 5_400
        spans.append(Span(month_label(month).replace("-", ""), start, end, at))
        start = end
    return spans


def daily_spans() -> list[Span]:
    """Months to May 2026, then single days, delivered at 01:00 of the next one."""
    spans = [span for span in month_spans() if span.end <= DAILY_FROM]
    for day in range(DAILY_FROM, END):
        label = iso_day(day).replace("-", "")
        spans.append(Span(label, day, day + 1, (day + 1) * DAY + 3_600))
    return spans


def span_of(spans: list[Span], day: np.ndarray) -> np.ndarray:
    """Index of the span that holds each day number; -1 before, len(spans) after."""
    edges = np.array([span.first for span in spans] + [spans[-1].end])
    return np.searchsorted(edges, day, side="right") - 1
