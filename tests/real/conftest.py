"""Each dataset is refreshed once; the tests then only read what was published."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from oracles import incident_uci, olist_sample
from project import Project, lay

EARLY = datetime(2016, 4, 1)
PII_KEY = "a key for tests only"


@dataclass(frozen=True)
class Night:
    """One published version, what the run said, and what it must equal."""

    project: Project
    version: int
    exit_code: int
    output: str
    oracle: incident_uci.Oracle | olist_sample.Oracle

    def rows(self, sql: str) -> list[tuple]:
        """Rows of a query on this version."""
        with self.project.marts(self.version) as connection:
            return connection.execute(sql).fetchall()

    def value(self, sql: str) -> object:
        """The one value of a query on this version."""
        ((value,),) = self.rows(sql)
        return value


def _write_log(path: Path, records: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(records)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def _night(project: Project, as_of: str, oracle: object) -> Night:
    done = project.refresh(as_of)
    (pointer,) = project.ledger("select version from pointer")
    return Night(
        project=project,
        version=int(pointer["version"]),
        exit_code=done.returncode,
        output=done.stdout + done.stderr,
        oracle=oracle,
    )


@pytest.fixture(scope="session")
def incident_nights(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Night, Night]:
    """The incident log as known on 1 April 2016, and then in full.

    On the first night a second file comes that broke off in transfer.
    """
    raw = real_data / "incident_uci" / "incident_event_log.csv.gz"
    project = lay(
        "incident",
        tmp_path_factory.mktemp("incident"),
        TAKT_TIMEZONE="UTC",
        TAKT_PII_KEY=PII_KEY,
    )
    drop = project.exports / "servicenow" / raw.name
    broken = drop.with_name("incident_event_log_r2.csv.gz")

    _write_log(drop, incident_uci.read(raw, EARLY))
    content = raw.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    early = _night(
        project,
        "2016-04-01T02:00:00+00:00",
        incident_uci.compute(raw, EARLY),
    )

    broken.unlink()
    shutil.copyfile(raw, drop)
    return early, _night(
        project, "2017-03-01T02:00:00+00:00", incident_uci.compute(raw)
    )


@pytest.fixture(scope="session")
def early_night(incident_nights: tuple[Night, Night]) -> Night:
    """What was published when the log reached 1 April 2016."""
    return incident_nights[0]


@pytest.fixture(scope="session")
def full_night(incident_nights: tuple[Night, Night]) -> Night:
    """What was published from the whole log."""
    return incident_nights[1]


@pytest.fixture(scope="session")
def marketplace_night(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Night:
    """What was published from the seven tables of the marketplace."""
    raw = real_data / "olist_sample"
    project = lay(
        "olist",
        tmp_path_factory.mktemp("olist"),
        TAKT_TIMEZONE="America/Sao_Paulo",
        TAKT_PII_KEY=PII_KEY,
    )
    folder = project.exports / "olist"
    folder.mkdir()
    for table in sorted(raw.glob("*.csv")):
        # A table without times of its own says in its name how far it reaches.
        month = "" if table.stem == "olist_orders_dataset" else "_201810"
        shutil.copyfile(table, folder / f"{table.stem}{month}.csv")
    return _night(project, "2018-11-02T02:00:00-03:00", olist_sample.compute(raw))
