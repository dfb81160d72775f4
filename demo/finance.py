"""Net revenue by month and channel, as the books are closed and later corrected.

Every monthly file is the snapshot of all months since January 2024.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from demo import writers
from demo.clock import (
    DAY,
    FAR,
    month_label,
    month_of,
    month_spans,
    month_start,
)
from demo.delivery import Feed, File, span_files
from demo.truth import (
    ALWAYS,
    PERCENT,
    Judge,
    Kpi,
    Tally,
    alerts,
    finding,
    targets,
    values,
)
from demo.world import Process, World

CHANNELS = ["dealer", "key_account", "web", "project", "group"]
GROUP = 4
"""Sales to sister companies."""
FIRST, LAST = month_of(2024, 1), month_of(2026, 6)
SIZES = (1_250_000_00, 830_000_00, 640_000_00, 310_000_00, 95_000_00)
SEASON = np.array([0.95, 0.8, 0.98, 0.97, 1.0, 1.14, 0.96, 0.97, 1.0, 0.98, 1.2, 1.05])

REVENUE = Kpi(
    "company.revenue_vs_prior_year_pct",
    PERCENT,
    targets=targets(1, (ALWAYS, 120)),
    alarm=110,
)


def simulate(world: World) -> pd.DataFrame:
    """Cents by month and channel, as first closed and as finally corrected."""
    rng = world.random("finance")
    months, shape = np.arange(FIRST, LAST + 1), (12, len(CHANNELS))
    year = np.array(SIZES) * SEASON[:, None] * (1 + 0.02 * rng.normal(size=shape))
    growth = [1.21, 1.17 if world.has("PL13") else 1.21]
    years = [year]
    for factor in growth:
        noise = 1 + 0.008 * rng.normal(size=shape)
        # The channels differ; the company as a whole grows evenly.
        noise *= 1 + 0.003 * rng.normal(size=(12, 1))
        half = years[-1][:6, :GROUP]
        noise /= (half * noise[:6, :GROUP]).sum() / half.sum()
        years.append(years[-1] * factor * noise)
    final = np.concatenate(years)[: len(months)]
    first = final * (1 + rng.uniform(0, 0.004, final.shape))
    return pd.DataFrame(
        {
            "month": np.repeat(months, len(CHANNELS)),
            "channel": np.tile(np.arange(len(CHANNELS)), len(months)),
            "first": np.rint(first).astype(np.int64).ravel(),
            "final": np.rint(final).astype(np.int64).ravel(),
        }
    )


def _feed(books: pd.DataFrame) -> Feed:
    spans = month_spans()
    parts = []
    for number, span in enumerate(spans):
        known = books[books["month"].map(month_start) < span.end]
        # Credit notes reach the books in the month after.
        fresh = known["month"] == known["month"].max()
        cents = np.where(fresh, known["first"], known["final"])
        parts.append(known[["month", "channel"]].assign(cents=cents, file=number))
    rows = pd.concat(parts, ignore_index=True).assign(rejected=False, repeated=False)
    return Feed(
        "finance.revenue", span_files("finance/revenue_{}.csv", spans), rows, _bytes
    )


def _bytes(rows: pd.DataFrame, _file: File) -> bytes:
    months = writers.table([month_label(one) for one in range(FIRST, LAST + 1)])
    columns: dict[str, pa.Array] = {
        "month": writers.pick(months, rows["month"] - FIRST),
        "channel": writers.pick(CHANNELS, rows["channel"]),
        "revenue": writers.decimals(rows["cents"], thousands=True),
        "intercompany": writers.pick(["false", "true"], rows["channel"] == GROUP),
    }
    return writers.csv_bytes(list(columns), list(columns.values()))


def count(rows: pd.DataFrame, now: int) -> Tally:
    """Revenue against the same month a year before, of one row per month, channel."""
    tally = Tally(CHANNELS)
    cents = rows.set_index(["month", "channel"])["cents"]
    due = [key for key in cents.index if key[0] >= FIRST + 12]
    month = np.array([key[0] for key in due], dtype=np.int64)
    channel = np.array([key[1] for key in due], dtype=np.int64)
    before = cents.reindex(list(zip(month - 12, channel, strict=True)))
    end = np.array([month_start(one + 1) for one in month], dtype=np.int64) * DAY
    judge = Judge(tally, len(due), now)
    judge.exclude("intercompany", channel == GROUP)
    part = cents.reindex(due).to_numpy(), before.to_numpy()
    judge.add(REVENUE.code, channel, end - DAY, end, *part, scope=end <= now)
    return tally


def build(world: World) -> Process:
    """Simulate the books and prepare their export and its truth."""
    books = simulate(world)
    feed = _feed(books)

    def seen(as_of: int) -> Tally:
        rows = feed.in_force(as_of)
        newest = rows[rows["file"] == rows["file"].max()]
        return count(newest, min(feed.covered_until(as_of), as_of))

    return Process(
        feeds=[feed],
        kpis=[REVENUE],
        actual=lambda: count(books.rename(columns={"final": "cents"}), int(FAR)),
        seen=seen,
        findings=lambda kpis: _findings(world, kpis),
        absent=lambda _: _absent(world),
        state=books,
    )


def _findings(world: World, kpis: dict) -> list[dict]:
    if not world.has("PL13"):
        return []
    so_far = values(kpis, [REVENUE], REVENUE.code, "ytd", "observable")
    return [
        finding(
            "PL13",
            "target",
            REVENUE.code,
            window=["2026-01", "2026-06"],
            verdict={
                label: at >= 120 for label, at in so_far.items() if label >= "2026"
            },
        ),
        # A year to date hardly moves from month to month, so its limits are narrow.
        alerts("PL13", REVENUE.code, "2025-01", "2026-06"),
    ]


def _absent(world: World) -> list[dict]:
    if not world.has("PL13"):
        return []
    window = [month_label(one) for one in range(month_of(2026, 1), LAST + 1)]
    rule = {"rule": "alarm", "kpi": REVENUE.code, "window": window}
    return [{"plant": "PL13", **rule}]
