"""An exports folder and a warehouse in which tests ingest files of contracts of theirs.

Parsing happens in this process: what a child process adds (crashes, limits) is tested
where it matters. Here belongs no expectation.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.contract import Column, Export
from orchestration.ingest import IngestReport, ingest_arrivals
from orchestration.ledger import Batch, Ledger, Reject
from orchestration.readers.parse import ParseTask
from orchestration.readers.worker import answer
from orchestration.settings import Settings

# Long ago: a file that nobody writes any more.
OLD = 1_600_000_000


def column(name: str, data_type: str = "varchar", **more: Any) -> Column:
    """A column that is kept unless said otherwise."""
    return Column(**{"name": name, "data_type": data_type, "pii": "keep", **more})


def export(*columns: Column, **more: Any) -> Export:
    """`shop.orders`: daily CSV in UTF-8, appended."""
    given: dict[str, Any] = {
        "source": "shop",
        "name": "orders",
        "files": "shop/orders_{period}*.csv",
        "format": "csv",
        "delivery": "append",
        "cadence": "daily",
        "columns": columns or (column("order_no"), column("amount", "integer")),
        **more,
    }
    return Export(**given)


class InProcess:
    """A parser pool without children."""

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, tasks: Iterable[ParseTask]) -> Iterator[tuple[ParseTask, Any]]:
        for task in tasks:
            outcome = answer(task)
            if isinstance(outcome, OSError):
                raise outcome
            yield task, outcome


@dataclass
class Site:
    """Settings with their ledger, and the contracts in force."""

    settings: Settings
    ledger: Ledger
    exports: list[Export] = field(default_factory=list)
    runs: int = 0

    def put(self, name: str, content: bytes, *, age: int = OLD) -> Path:
        """Deliver a file below `shop/` that has stood still for long."""
        path = self.settings.exports / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (age, age))
        return path

    def ingest(self, *exports: Export, pool: Any = None) -> IngestReport:
        """One run over the given contracts, by default those of the last run."""
        self.exports = list(exports) or self.exports
        self.settings.exports.mkdir(parents=True, exist_ok=True)
        self.runs += 1
        return ingest_arrivals(
            self.settings,
            self.ledger,
            self.exports,
            f"run-{self.runs}",
            pool=pool or InProcess(),
        )

    def deliver(
        self, content: bytes, contract: Export, name: str = "orders_20260601.csv"
    ) -> str:
        """One file, ingested: `loaded`, `known`, or the code it is refused with."""
        self.put(name, content)
        self.ingest(contract)
        return self.outcome(name)

    def outcome(self, name: str) -> str:
        """What became of a file at its last sighting; `unseen` without one."""
        row = self.ledger.last_sighting(self.exports[0], f"shop/{name}")
        if row is None:
            return "unseen"
        return str(row["refusal_code"] or row["outcome"])

    def message(self, name: str) -> str:
        """Why a file was refused."""
        row = self.ledger.last_sighting(self.exports[0], f"shop/{name}")
        assert row is not None
        return str(row["refusal_message"])

    @property
    def batches(self) -> list[Batch]:
        """Every batch of the first contract, oldest first."""
        return self.ledger.batches(self.exports[0])

    @property
    def batch(self) -> Batch:
        """The newest batch."""
        return self.batches[-1]

    @property
    def rejects(self) -> list[Reject]:
        """Rejects of the newest batch."""
        return self.ledger.rejects(self.batch.seq)

    def rows(self, batch: Batch | None = None) -> list[tuple[Any, ...]]:
        """Typed rows of a batch, without their record numbers, in order."""
        path = self.settings.home / (batch or self.batch).lake_path
        with duckdb.connect() as connection:
            return connection.execute(
                "select * exclude (_record_no) from read_parquet(?) "
                "order by _record_no",
                [str(path)],
            ).fetchall()
