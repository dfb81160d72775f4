"""All real exports in one copy of the project, refreshed once.

A second night, at an as-of in the middle of the incident log, is laid over a lake of
its own that holds only what was known then. The tests read what came of both.
"""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.real.nights import (
    DELIVERIES,
    EARLY,
    EARLY_AS_OF,
    FULL_AS_OF,
    INCIDENTS,
    PII_KEY,
    Night,
)
from tests.real.oracles import incident_uci
from tests.real.project import OVERLAYS, lay
from tests.real.workbench import DATABASE, Workbench

# Ingest and gate, run inside the copy, where the overlays' suites are.
TAKE_IN = """
import json
import sys
from pathlib import Path

from orchestration.contract import load_contracts
from orchestration.gate import judge_new
from orchestration.ingest import ingest_arrivals
from orchestration.ledger import Ledger
from orchestration.settings import load_settings

if __name__ == "__main__":
    settings = load_settings()
    exports = load_contracts(json.loads(Path(sys.argv[1]).read_text()))
    with Ledger.open(settings.ledger_path) as ledger:
        ingest_arrivals(settings, ledger, exports, "early")
        judge_new(settings, ledger, exports, "early")
"""


def _write_log(path: Path, records: Iterable[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(records)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


@pytest.fixture(scope="session")
def full_night(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Every export in full, and one file more that broke off in transfer."""
    project = lay(
        tmp_path_factory.mktemp("real"),
        sorted(path.name for path in OVERLAYS.iterdir()),
        TAKT_TIMEZONE="UTC",
        TAKT_PII_KEY=PII_KEY,
    )
    for published, delivered in DELIVERIES.items():
        target = project.exports / delivered
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(real_data / published, target)
    drop = project.exports / INCIDENTS
    content = drop.read_bytes()
    broken = drop.with_name("incident_event_log_r2.csv.gz")
    broken.write_bytes(content[: len(content) // 2])
    done = project.refresh(FULL_AS_OF.isoformat())
    marts = project.home / "published" / "current" / "marts.duckdb"
    return Night(project, marts.resolve(), done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def early_night(
    full_night: Night, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Night:
    """The incident log as it was on 1 April 2016, and the models as of then."""
    folder = tmp_path_factory.mktemp("early")
    early = replace(
        full_night.project,
        settings={
            **full_night.project.settings,
            "TAKT_HOME": str(folder / "home"),
            "TAKT_EXPORTS": str(folder / "exports"),
        },
    )
    raw = real_data / "incident_uci" / "incident_event_log.csv.gz"
    _write_log(early.exports / INCIDENTS, incident_uci.read(raw, EARLY))
    (early.root / "take_in.py").write_text(TAKE_IN, encoding="utf-8")
    manifest = full_night.project.home / "target" / "manifest.json"
    done = early.python("take_in.py", str(manifest))
    assert done.returncode == 0, done.stderr
    bench = Workbench(
        folder / f"{DATABASE}.duckdb",
        full_night.project,
        early.home,
        compiled_as_of=FULL_AS_OF,
        as_of=EARLY_AS_OF,
    )
    bench.build(
        "fct_events",
        "fct_process_instances",
        "fct_process_steps",
        "fct_kpi_observations",
    )
    return Night(early, bench.path)
