"""Ten million CSV rows through ingest, in bounded memory.

The file is written as a stream and read as a stream: the parser's memory depends on
TAKT_MEMORY_LIMIT and not on the size of the file.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from bench.clock import run, say
from orchestration.contract import Column, Export
from orchestration.ingest import ingest_arrivals
from orchestration.ledger import Ledger
from orchestration.settings import Settings, load_settings

ROWS = 10_000_000
MEMORY_LIMIT = "512MB"
# The limit is the database's; interpreter, libraries and buffers come on top.
MOST_BYTES = 2**30

EXPORT = Export(
    source="big",
    name="events",
    files="big/events.csv",
    format="csv",
    encoding="gb18030",
    delivery="append",
    cadence="once",
    timezone="Asia/Shanghai",
    watermark="happened_at",
    key=("event_id",),
    columns=(
        Column(name="event_id", data_type="bigint", pii="keep", required=True),
        Column(name="customer", data_type="varchar", pii="hash"),
        Column(name="happened_at", data_type="timestamp", pii="keep"),
        Column(name="amount", data_type="decimal(18,2)", pii="keep"),
        Column(name="category", data_type="varchar", pii="keep"),
        Column(name="remark", data_type="varchar", pii="drop"),
    ),
)
CATEGORIES = ("灯具", "厨具", "收纳", "家纺")


def write_file(path: Path, rows: int) -> None:
    """Rows of every type, a few of them wrong, as a stream of the declared encoding."""
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="gb18030", newline="") as file:
        file.write("event_id,customer,happened_at,amount,category,remark\n")
        for number in range(rows):
            amount = "n/a" if number % 1000 == 7 else f"{number % 90000 / 100:.2f}"
            file.write(
                f"{number},C{number % 50021},2026-{number % 12 + 1:02}-"
                f"{number % 28 + 1:02} {number % 24:02}:{number % 60:02}:00,"
                f"{amount},{CATEGORIES[number % 4]},"
                f'"remark, {number % 9}"\n'
            )


def settings_in(folder: Path) -> Settings:
    """A warehouse of its own in `folder`."""
    return load_settings(
        home=folder / "home",
        exports=folder / "exports",
        settle_seconds=0,
        memory_limit=MEMORY_LIMIT,
        pii_key="a key for the bench only",
    )


@dataclass(frozen=True)
class Bound:
    """Peak memory against what it may be."""

    what: str
    seconds: float
    peak_bytes: int
    most_bytes: int

    @property
    def is_kept(self) -> bool:
        return self.peak_bytes <= self.most_bytes

    def __str__(self) -> str:
        return (
            f"{self.peak_bytes / self.most_bytes:5.2f}  of 1"
            f"{'' if self.is_kept else '  OVER'}\n"
            f"       {self.what}: {self.seconds:.0f} s, "
            f"{self.peak_bytes / 2**20:,.0f} MiB at peak, of "
            f"{self.most_bytes / 2**20:,.0f} allowed"
        )


def ingest(folder: Path, rows: int) -> None:
    """Ingest the file in `folder`; raises unless every row is accounted for."""
    settings = settings_in(folder)
    with Ledger.open(settings.ledger_path) as ledger:
        done = ingest_arrivals(settings, ledger, [EXPORT], "bench").exports[
            "big.events"
        ]
    wrong = len(range(7, rows, 1000))
    if (done.rows, done.rejected, done.duplicates) != (rows - wrong, wrong, 0):
        raise RuntimeError(f"{done}, of {rows} rows with {wrong} wrong ones")


def measure(folder: Path, times: int, size: float = 1) -> list[Bound]:
    """Once, however many `times` the others are measured: memory does not vary."""
    rows = int(ROWS * size)
    path = folder / "exports" / EXPORT.files
    say(f"writing {rows:,} rows")
    write_file(path, rows)
    say(f"ingesting {path.stat().st_size / 2**20:,.0f} MiB")
    spent = run([sys.executable, "-m", "bench.stream", folder, str(rows)])
    return [Bound(f"ingest of {rows:,} rows", spent.wall, spent.peak_bytes, MOST_BYTES)]


if __name__ == "__main__":
    ingest(Path(sys.argv[1]), int(sys.argv[2]))
