"""The pages of a version: how long they take to write, and how much they weigh.

On the demo at full size, in a process of its own that loads the chart library as a
nightly run does. Unlike the other benches these are absolute budgets.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.clock import Spent, fastest, run, say
from bench.refresh import LAST_NIGHT, PII_KEY

SECONDS = 15.0
BYTES_PER_HUNDRED_KPIS = 5_000_000
FIRST_VIEW_BYTES = 300_000

WRITE = """
import json, sys
from pathlib import Path
from orchestration.scorecard.site import build_site
version, folder = map(Path, sys.argv[1:])
facts = json.loads((version / "facts.json").read_text("utf-8"))
build_site(version / "marts.duckdb", facts, folder)
"""


@dataclass(frozen=True)
class Amount:
    """What was measured and how much it may be."""

    what: str
    value: float
    budget: float
    unit: str

    @property
    def is_kept(self) -> bool:
        return self.value <= self.budget

    def __str__(self) -> str:
        over = "" if self.is_kept else "  OVER"
        return f"{self.value:,.1f} {self.unit} of {self.budget:,.0f}{over}: {self.what}"


def measure(folder: Path, times: int, size: float = 1) -> list[Amount]:
    """Seconds of the whole site, and its weight."""
    environment = {
        "TAKT_HOME": str(folder / "home"),
        "TAKT_EXPORTS": str(folder / "exports"),
        "TAKT_PII_KEY": PII_KEY,
    }
    say("a version of the demo")
    takt = [sys.executable, "-m", "orchestration"]
    run([*takt, "demo", "--scale", str(size)], **environment)
    run([*takt, "refresh", "--as-of", LAST_NIGHT.isoformat()], **environment)
    version = folder / "home" / "published" / "current"
    site = folder / "site"

    def write() -> Spent:
        shutil.rmtree(site, ignore_errors=True)
        return run([sys.executable, "-c", WRITE, version, site], **environment)

    spent = fastest(times, {"the scorecard": write})["the scorecard"]
    files = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
    facts = json.loads((version / "facts.json").read_text("utf-8"))
    # Hundreds that were begun: the demo's 32 KPIs have the room of a hundred.
    hundreds = -(-len(facts["models"]) // 100)
    first = [site / "en" / "index.html", *(site / "assets").iterdir()]
    return [
        Amount("writing the scorecard", spent.wall, SECONDS, "s"),
        Amount(
            "the whole scorecard",
            sum(files.values()) / 1000,
            hundreds * BYTES_PER_HUNDRED_KPIS / 1000,
            "kB",
        ),
        Amount(
            "its first view",
            sum(files[path] for path in first) / 1000,
            FIRST_VIEW_BYTES / 1000,
            "kB",
        ),
    ]
