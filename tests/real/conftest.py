"""All real exports in one copy of the project, refreshed twice.

The first night knows the beginning of one log, the second everything. The tests then
only read what was published.
"""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from oracles import incident_uci, olist_sample
from oracles.measured import Measured
from project import OVERLAYS, lay

from tests.helpers.project_copy import Project

EARLY = datetime(2016, 4, 1)
PII_KEY = "a key for tests only"
# Export of an overlay: the file as published, and what its sender would call it. A
# table without times of its own says in its name how far it reaches.
DELIVERIES = {
    "incident_uci/incident_event_log.csv.gz": "servicenow/incident_event_log.csv.gz",
    "scms_procurement/SCMS_Delivery_History_Dataset.csv": (
        "scms/SCMS_Delivery_History_Dataset.csv"
    ),
    "online_retail/online_retail_first_240007_lines.parquet": (
        "till/online_retail_first_240007_lines.parquet"
    ),
    "production_levy/Production_a.csv": "shopfloor/Production_a.csv",
    "receipt_permit/receipt.csv": "town/receipt.csv",
    "bpic2012_loan/bpic2012.xes.gz": "bank/bpic2012.xes.gz",
    "bpic2013_volvo/bpic2013_incidents.xes.gz": "vinst/bpic2013_incidents.xes.gz",
    "bpic2013_volvo/bpic2013_closed_problems.xes.gz": (
        "vinst/bpic2013_closed_problems.xes.gz"
    ),
    "olist_sample/olist_orders_dataset.csv": "olist/olist_orders_dataset.csv",
    **{
        f"olist_sample/{name}.csv": f"olist/{name}_201810.csv"
        for table in olist_sample.TABLES
        if (name := f"olist_{table}_dataset") != "olist_orders_dataset"
    },
}


@dataclass(frozen=True)
class Night:
    """One published version and what the run said."""

    project: Project
    version: int
    exit_code: int
    output: str

    def rows(self, sql: str) -> list[tuple]:
        """Rows of a query on this version."""
        with self.project.marts(self.version) as connection:
            return connection.execute(sql).fetchall()

    def value(self, sql: str) -> object:
        """The one value of a query on this version."""
        ((value,),) = self.rows(sql)
        return value

    def observations(self, kpi: str) -> dict[str, Measured]:
        """All rows of a KPI, by subject."""
        rows = self.rows(
            f"""
            select
                subject_id, state, exclusion_reason, measured_on, segment_code,
                numerator, denominator
            from fct_kpi_observations
            where kpi_code = '{kpi}'
            """
        )
        found = {subject: Measured(*rest) for subject, *rest in rows}
        assert len(found) == len(rows), f"{kpi}: a subject has two rows"
        return found


def _write_log(path: Path, records: Iterable[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(records)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def _refreshed(project: Project, as_of: str) -> Night:
    done = project.refresh(as_of)
    (pointer,) = project.ledger("select version from pointer")
    return Night(
        project=project,
        version=int(pointer["version"]),
        exit_code=done.returncode,
        output=done.stdout + done.stderr,
    )


@pytest.fixture(scope="session")
def nights(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Night, Night]:
    """The incident log as known on 1 April 2016, and then every export in full.

    On the first night a second file comes that broke off in transfer.
    """
    project = lay(
        tmp_path_factory.mktemp("real"),
        sorted(path.name for path in OVERLAYS.iterdir()),
        TAKT_TIMEZONE="UTC",
        TAKT_PII_KEY=PII_KEY,
    )
    raw = real_data / "incident_uci" / "incident_event_log.csv.gz"
    drop = project.exports / "servicenow" / raw.name
    broken = drop.with_name("incident_event_log_r2.csv.gz")
    _write_log(drop, incident_uci.read(raw, EARLY))
    content = raw.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    early = _refreshed(project, "2016-04-01T02:00:00+00:00")

    broken.unlink()
    for published, delivered in DELIVERIES.items():
        target = project.exports / delivered
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(real_data / published, target)
    return early, _refreshed(project, "2018-11-02T02:00:00+00:00")


@pytest.fixture(scope="session")
def early_night(nights: tuple[Night, Night]) -> Night:
    """What was published when the incident log reached 1 April 2016."""
    return nights[0]


@pytest.fixture(scope="session")
def full_night(nights: tuple[Night, Night]) -> Night:
    """What was published from all exports in full."""
    return nights[1]
