"""Which days a business calendar has off, for the gate: on them few rows are usual.

Read from the calendar seeds, which models read through dbt; the gate judges before
any model is built. Not here: opening hours and working time (`macros/`).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

DAY_LENGTH = len("20260624")


class CalendarError(ValueError):
    """A contract names a calendar that the seeds do not have."""


def days_off(seeds: Path, calendar: str) -> Callable[[str], bool]:
    """Whether a period is one day (YYYYMMDD) on which `calendar` is closed.

    A listed day decides, else its weekday. Beyond the years the calendar is valid for,
    weekdays still are what they are; holidays there are not known. Raises
    CalendarError.
    """
    weekdays = _rows(seeds / "calendars.csv", calendar)
    if not weekdays:
        raise CalendarError(
            f"calendar {calendar!r} is not in {seeds.name}/calendars.csv"
        )
    listed = _rows(seeds / "calendar_days.csv", calendar)
    is_open = {row["day"]: row["is_open"].lower() == "true" for row in listed}

    def is_day_off(period: str) -> bool:
        if len(period) != DAY_LENGTH:
            return False
        day = date(int(period[:4]), int(period[4:6]), int(period[6:]))
        text = day.isoformat()
        if text in is_open:
            return not is_open[text]
        valid = [row for row in weekdays if row["valid_from"] <= text < row["valid_to"]]
        open_on = {row["weekday"] for row in valid or weekdays}
        return str(day.isoweekday()) not in open_on

    return is_day_off


def _rows(path: Path, calendar: str) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["calendar_code"] == calendar]
