"""How fresh and reliable each export is, and up to when it is expected.

Here: lateness against the contract, what held files leave untold, the reliability
grade. Not here: which batches are in force (`ledger.py`), verdicts (`gate.py`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from orchestration.contract import Export, local_midnight, period_bounds
from orchestration.ledger import Batch, Ledger, utc_text


@dataclass(frozen=True)
class ExportState:
    """One export at an as-of moment: one row of the source `takt.export_states`."""

    source_name: str
    export_name: str
    export_code: str
    cadence: str
    data_as_of: datetime | None
    last_batch_id: str | None
    last_period: str | None
    newest_verdict: str | None
    is_held: bool
    is_late: bool
    is_stale: bool
    stale_reason: str | None
    batches_in_force: int
    rows_loaded: int
    rows_rejected: int
    rows_duplicate: int
    reliability_grade: str
    reliability_score: float


def export_states(
    ledger: Ledger, exports: Iterable[Export], as_of: datetime
) -> list[ExportState]:
    """How fresh and reliable each export is at `as_of`, one row per export.

    Held: a file in the exports folder was refused or is not admitted, and no
    newer revision of it is (`held_files`). What it should have told is missing, so
    `data_as_of` ends where the earliest such period begins. Late: the newest
    period whose end plus `late_after` has passed at `as_of` was delivered by no
    file, whatever became of that file.
    Stale: held, late or never admitted; the reason in that order of weight.
    """
    return [_export_state(ledger, export, as_of) for export in exports]


def _export_state(ledger: Ledger, export: Export, as_of: datetime) -> ExportState:
    batches = ledger.batches_in_force(export)
    ends = [end for batch in batches if (end := covered_until(batch))]
    held = ledger.held_files(export)
    holes = [
        period_bounds(one.file["period"], export.timezone)[0]
        for one in held
        if one.file["period"] and not one.is_covered
    ]
    data_as_of = min([max(ends), *holes]) if ends else None
    last = max(batches, key=_recency, default=None)
    newest = ledger.newest_file(export)
    late_days = _days_late(ledger, export, as_of, max(ends, default=None))
    is_late = late_days > 0
    reason = None
    if not batches:
        reason = "never_delivered"
    if held:
        all_refused = all(one.is_refused for one in held)
        reason = "refused" if all_refused else "gate_failed"
    if reason is None and is_late:
        reason = "late"
    score = _reliability(export, batches, late_days) if batches else 0.0
    return ExportState(
        source_name=export.source,
        export_name=export.name,
        export_code=export.code,
        cadence=export.cadence,
        data_as_of=data_as_of,
        last_batch_id=last.batch_id if last else None,
        last_period=last.period if last else None,
        newest_verdict=ledger.file_verdict(export, newest),
        is_held=bool(held),
        is_late=is_late,
        is_stale=reason is not None,
        stale_reason=reason,
        batches_in_force=len(batches),
        rows_loaded=sum(batch.loaded for batch in batches),
        rows_rejected=sum(batch.rejected for batch in batches),
        rows_duplicate=sum(batch.duplicates for batch in batches),
        reliability_grade=_grade(score),
        reliability_score=round(score, 4),
    )


def _days_late(
    ledger: Ledger, export: Export, as_of: datetime, data_as_of: datetime | None
) -> float:
    """Days by which deliveries lag behind the contract at `as_of`; 0 in time."""
    expected = expected_until(export, as_of)
    if expected is None:
        return 0.0
    delivered = ledger.told_until(export)
    if "{period}" not in export.files:
        # The newest record of a full period lies before its end.
        delivered = data_as_of
        expected = _previous_end(export, expected)
    if delivered is None:
        return math.inf
    if delivered >= expected:
        return 0.0
    return (expected - delivered) / timedelta(days=1)


def covered_until(batch: Batch) -> datetime | None:
    """Up to when a batch tells the whole story: its period's end, or its watermark."""
    return batch.covers_until or batch.watermark_max


def expected_until(export: Export, as_of: datetime) -> datetime | None:
    """The newest period end whose delivery is due at `as_of`; None for `once`."""
    if export.cadence == "once":
        return None
    # Strictly before: a file that is due at this very moment is not late yet.
    due = (as_of - export.late_after).astimezone(export.zone)
    day = due.date()
    first = _period_start(export.cadence, day)
    end = local_midnight(first, export.timezone)
    if end < as_of - export.late_after:
        return end
    before = _period_start(export.cadence, first - timedelta(days=1))
    return local_midnight(before, export.timezone)


def _period_start(cadence: str, day: date) -> date:
    """The first day of the cadence's period that holds `day`."""
    if cadence == "daily":
        return day
    if cadence == "monthly":
        return day.replace(day=1)
    return date(day.year, 1 if day.month <= 6 else 7, 1)


def _previous_end(export: Export, end: datetime) -> datetime:
    """The period end before `end`."""
    day = end.astimezone(export.zone).date() - timedelta(days=1)
    return local_midnight(_period_start(export.cadence, day), export.timezone)


def _recency(batch: Batch) -> tuple[str, int]:
    end = covered_until(batch)
    return ("" if end is None else utc_text(end), batch.seq)


def _reliability(export: Export, batches: list[Batch], late_days: float) -> float:
    """0 to 100: completeness^.4 x (timeliness, validity, volume)^.2.

    Completeness and validity over all batches in force; volume: the newest batch
    against the median of the earlier ones of its grain; timeliness: the share of the
    covered days that were there when due.
    """
    rows_in = sum(batch.rows_in for batch in batches)
    distinct = rows_in - sum(batch.duplicates for batch in batches)
    loaded = sum(batch.loaded for batch in batches)
    nulls = sum(batch.required_nulls for batch in batches)
    cells = rows_in * len(export.required_columns)
    completeness = 1 - nulls / cells if cells else 1.0
    validity = loaded / distinct if distinct else 1.0
    ends = [end for batch in batches if (end := covered_until(batch))]
    starts = [
        period_bounds(batch.period, export.timezone)[0]
        for batch in batches
        if batch.period
    ]
    first = min(starts, default=min(ends, default=None))
    timeliness = 1.0
    if late_days > 0:
        covered = (max(ends) - first) / timedelta(days=1) if ends and first else 0.0
        timeliness = covered / (covered + late_days)
    parts = timeliness * validity * _volume(batches)
    return 100 * max(completeness, 0.0) ** 0.4 * max(parts, 0.0) ** 0.2


def _volume(batches: list[Batch]) -> float:
    """Rows of the newest batch against the median of earlier ones of its grain.

    Empty batches say nothing here: on a holiday there is a file without rows.
    """
    filled = [batch for batch in batches if batch.loaded]
    if not filled:
        return 1.0
    newest = max(filled, key=_recency)
    grain = len(newest.period or "")
    earlier = [
        batch.loaded
        for batch in filled
        if batch.seq != newest.seq and len(batch.period or "") == grain
    ]
    return min(1.0, newest.loaded / statistics.median(earlier)) if earlier else 1.0


def _grade(score: float) -> str:
    for grade, floor in (("A", 95), ("B", 85), ("C", 70)):
        if score >= floor:
            return grade
    return "D"
