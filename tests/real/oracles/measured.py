"""One row of a KPI as an oracle sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Measured:
    """One subject of a KPI: what it is, why, on which day, where, and its parts."""

    state: str
    reason: str | None
    on: date
    segment: str
    numerator: int | None = None
    denominator: int | None = None
