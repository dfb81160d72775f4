"""The whole demo company: simulate every process, write its exports and the truth.

Same arguments, same bytes. An earlier as-of moment writes fewer files, each with the
bytes it has at any later moment.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from demo import (
    calls,
    collaboration,
    complaints,
    finance,
    leads,
    orders,
    procurement,
    quality,
)
from demo.clock import (
    DAY,
    SEEDS,
    UTC_OFFSET,
    day_number,
    iso,
    load_calendars,
    to_moment,
)
from demo.delivery import KNOWN, Feed
from demo.truth import periods
from demo.world import PLANTS, Process, World

SCHEMA_VERSION = 1
DEFAULT_AS_OF = "2026-07-01T02:00+08:00"
# Steps of the process maps that no system of the company has a column for; the first
# is the planted one.
UNLOGGED = (
    ("quality", "investigate"),
    ("quality", "submit"),
    ("quality", "rework"),
    ("procurement", "confirm"),
    ("leads", "qualify"),
    ("collaboration", "review"),
)
GRAINS = ("week", "month", "quarter", "half_year", "ytd")


@dataclass
class Summary:
    """What `generate` wrote."""

    files: int = 0
    rows: int = 0
    per_export: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Export → files, rows."""


def build_processes(world: World) -> Iterator[Process]:
    """All processes, each from its own random stream, one after the other."""
    for module in (complaints, leads, calls, collaboration, procurement, finance):
        yield module.build(world)
    # Last, so that the largest state does not stay while others are built.
    sold = orders.build(world)
    yield sold
    yield quality.build(world, sold)


def generate(
    exports: Path,
    truth: Path | None,
    seed: int = 7,
    scale: float = 1,
    as_of: str | datetime = DEFAULT_AS_OF,
    without: frozenset[str] = frozenset(),
    seeds: Path = SEEDS,
) -> Summary:
    """Write what the source systems delivered until `as_of`, and the truth about it.

    `scale` multiplies arrivals; `without` names planted effects to leave out. Raises
    ValueError for an unknown effect or a scale that is not positive.
    """
    unknown = set(without) - set(PLANTS)
    if unknown:
        raise ValueError(
            f"unknown planted effects {sorted(unknown)}; known: {', '.join(PLANTS)}"
        )
    if not scale > 0:
        raise ValueError(f"scale must be positive, not {scale}")
    if isinstance(as_of, str):
        as_of = datetime.fromisoformat(as_of)
    now = to_moment(as_of)
    world = World(load_calendars(seeds), seed, scale, frozenset(without))
    summary = Summary()
    files: list[dict] = []

    def delivered() -> Iterator[Process]:
        for process in build_processes(world):
            for feed in process.feeds:
                files.extend(_write(feed, Path(exports), now, summary))
            yield process

    if truth is None:
        for _ in delivered():
            pass
    else:
        content = {
            "run": {
                "seed": seed,
                "scale": scale,
                "as_of": iso(now),
                "without": sorted(without),
                "schema_version": SCHEMA_VERSION,
            },
            **account(delivered(), now),
            # Complete only now: the account has drawn every process.
            "files": sorted(files, key=lambda one: one["path"]),
        }
        truth = Path(truth)
        truth.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True)
        truth.write_text(text + "\n", encoding="utf-8")
    # The sheets of one workbook are exports of their own.
    summary.files = len({one["path"] for one in files})
    return summary


def account(processes: Iterable[Process], now: int) -> dict:
    """KPIs, findings, absences, nights and dirt as of a moment."""
    until = min((now - 1) // DAY, day_number(date(2026, 6, 30)))
    found: dict = {"kpis": {}, "findings": [], "absent": [], "nights": [], "dirt": []}
    found["unlogged"] = [{"process": one, "step": step} for one, step in UNLOGGED]
    for process in processes:
        actual, seen = process.actual(), process.seen(now)
        for kpi in process.kpis:
            found["kpis"][kpi.code] = {
                grain: periods(kpi, actual, seen, until, grain) for grain in GRAINS
            }
        found["findings"] += process.findings(found["kpis"])
        found["absent"] += process.absent(found["kpis"])
        for key in ("nights", "dirt"):
            found[key] += getattr(process, key)
    return found


def _write(feed: Feed, exports: Path, now: int, summary: Summary) -> list[dict]:
    entries, written = [], {}
    for number in feed.written(now):
        file = feed.files[number]
        rows = feed.rows_of(number)
        if file.copy_of is not None:
            data, counts = written[file.copy_of]
            verdict = KNOWN
        else:
            data, verdict = feed.render(rows, file), file.verdict
            rejected = rows["rejected"].to_numpy()
            repeated = rows["repeated"].to_numpy() & feed.drops_duplicates
            counts = (len(rows), int(repeated.sum()), int(rejected.sum()))
        written[file.path] = data, counts
        _place(exports / file.path, data, file.delivered_at)
        entries.append(
            {
                "export": feed.export,
                "path": file.path,
                "sha256": hashlib.sha256(data).hexdigest(),
                "delivered_at": iso(file.delivered_at),
                "rows": counts[0],
                "duplicates": counts[1],
                "rejects": counts[2],
                "verdict": verdict,
            }
        )
        summary.rows += counts[0]
        known = summary.per_export.get(feed.export, (0, 0))
        summary.per_export[feed.export] = (known[0] + 1, known[1] + counts[0])
    return entries


def _place(path: Path, data: bytes, delivered_at: int) -> None:
    """Write a file whole, dated with its delivery; equal bytes are left alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = delivered_at - UTC_OFFSET
    if not (path.is_file() and path.read_bytes() == data):
        partial = path.with_name(f".{path.name}.part")
        partial.write_bytes(data)
        os.utime(partial, (stamp, stamp))
        partial.replace(path)
    os.utime(path, (stamp, stamp))
