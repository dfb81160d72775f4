"""What the marts must say, in the terms that all oracles share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Measured:
    """One subject of a KPI: what it is, why, on which day, where, and its parts."""

    state: str
    reason: str | None
    on: date
    segment: str
    numerator: int | None = None
    denominator: int | None = None


@dataclass
class Facts:
    """What one dataset says.

    `rows` maps an export to its (loaded, rejected, duplicate) rows, `events` counts by
    process and activity, `instances` maps process and instance to whether it is open.
    """

    rows: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    instances: dict[tuple[str, str], bool] = field(default_factory=dict)
    kpis: dict[str, dict[str, Measured]] = field(default_factory=dict)


def seconds(earlier: datetime, later: datetime) -> int:
    """Whole seconds, each end cut to its second before."""
    whole = later.replace(microsecond=0) - earlier.replace(microsecond=0)
    return whole // timedelta(seconds=1)


def local_day(at: datetime, zone: str) -> date:
    """The day that the wall clock of a zone shows."""
    return at.astimezone(ZoneInfo(zone)).date()


def last_covered_day(data_as_of: datetime, zone: str) -> date:
    """The last day of which the data say anything; midnight ends the day before."""
    return local_day(data_as_of - timedelta(seconds=1), zone)


def utc(at: datetime) -> datetime:
    """As the marts hold it: UTC without a zone."""
    return at.astimezone(UTC).replace(tzinfo=None)
