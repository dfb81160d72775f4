"""Small logs by hand, and a project in which they are adopted without a terminal."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from orchestration.adopt import steps
from orchestration.adopt.propose import Wishes
from orchestration.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[3]
# What an adoption changes of the project's own files.
SHARED = (
    "models/processes/core/int_process_events.sql",
    "models/processes/core/int_process_instances.sql",
    "models/marts/fct_kpi_observations.sql",
    "seeds",
)
STEPS = ("receive", "check", "decide", "pay")
HEADER = ("Case ID", "Activity", "Timestamp", "Agent")
# What a person has to say about the log of `rows`.
SAID = Wishes(
    case="Case ID",
    activity=("Activity",),
    timestamp="Timestamp",
    timezone="Asia/Shanghai",
    end=("pay",),
)


def rows(cases: int = 40, form: str = "%Y-%m-%d %H:%M:%S") -> list[list[str]]:
    """Cases of four steps an hour apart, from 1 March 2026 on, done by three agents."""
    found = []
    for case in range(cases):
        begun = datetime(2026, 3, 1, 9) + timedelta(hours=17 * case, seconds=case)
        for number, step in enumerate(STEPS):
            at = (begun + timedelta(hours=number)).strftime(form)
            found.append([f"C-{case:03}", step, at, f"u{(case + number) % 3}"])
    return found


def written(
    folder: Path,
    records: Iterable[Sequence[str]],
    header: Sequence[str] = HEADER,
    name: str = "log.csv",
) -> Path:
    """A CSV file of these records."""
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(records)
    return path


def project(root: Path) -> Path:
    """What an adoption needs of the project, under `root`."""
    for part in SHARED:
        source, target = REPOSITORY / part, root / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    return root


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@dataclass
class Desk:
    """Where logs are adopted; `said` is what the last adoption answered."""

    settings: Settings
    root: Path
    said: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    def adopt(
        self,
        log: Path,
        wishes: Wishes = SAID,
        *,
        process: str = "claims",
        yes: bool = False,
        dry_run: bool = False,
        encoding: str | None = None,
        ask: steps.Ask | None = None,
    ) -> int:
        """The exit code of `takt adopt`; `ask` answers as a person at a terminal."""
        self.said = []
        request = steps.Request(
            process,
            log,
            wishes,
            encoding=encoding,
            yes=yes,
            dry_run=dry_run,
            ask=ask,
        )
        return steps.adopt(self.settings, request, self.said.append, lambda text: None)
