"""Real logs adopted with flags alone: what is published equals the raw files exactly.

The oracle reads the files with nothing but the standard library. Only the map, which
the adoption wrote, is taken from the project: it breaks ties between equal times.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from itertools import combinations
from pathlib import Path

import pytest

from orchestration.adopt.render.text import is_sealed
from tests.helpers.adopted_logs import LOGS, Adopted
from tests.real.oracles import adopted as oracle
from tests.real.oracles.measured import seconds

READERS: dict[str, Callable[[Path], oracle.Read]] = {
    "jobs": oracle.production,
    "permits": oracle.permits,
    "loans": oracle.loans,
    "incidents": oracle.incidents,
    "problems": oracle.problems,
    "market": oracle.market,
    "supply": oracle.supply,
}
FILES = {one.process: one.log for one in LOGS}
REFUSED = {one.process: one.refused for one in LOGS if one.refused}


@pytest.fixture(scope="module")
def steps_of(adopted: Adopted) -> dict[str, dict[str, dict[str, str]]]:
    """Process and name in the log to the row of the map."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    with (adopted.project.root / "seeds/process_steps.csv").open() as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["process_code"], {})[row["name_en"]] = row
    return found


@pytest.fixture(scope="module", params=sorted(READERS))
def process(request: pytest.FixtureRequest) -> str:
    """A process that was adopted."""
    return request.param


@pytest.fixture(scope="module")
def truth(process: str, real_data: Path) -> oracle.Read:
    """What its raw file says."""
    return READERS[process](real_data / FILES[process])


def rows(adopted: Adopted, sql: str, *values: object) -> list[tuple]:
    with adopted.project.marts() as connection:
        return connection.execute(sql, list(values)).fetchall()


def test_each_log_is_adopted_or_refused_by_name(
    adopted: Adopted, real_data: Path
) -> None:
    for process, answer in adopted.real.items():
        said = answer.stdout + answer.stderr
        assert answer.returncode == (3 if process in REFUSED else 0), said
        assert f"Refused: {REFUSED.get(process, '')}" in said or process in READERS
    assert set(adopted.real) == set(READERS) | set(REFUSED)


def test_what_each_log_is_known_for_was_seen(adopted: Adopted, real_data: Path) -> None:
    said = {process: answer.stdout for process, answer in adopted.real.items()}
    assert "no value: ?" in said["incidents"]
    assert "cells have a first number over 12" in said["incidents"]
    assert "left out    resolved_at" in said["incidents"]
    assert "left out    closed_at" in said["incidents"]
    assert "23 rows repeat another: kept" in said["jobs"]
    assert "start       Start Timestamp" in said["jobs"]
    assert "due         case:deadline" in said["permits"]
    assert "lifecycle   lifecycle:transition" in said["loans"]
    assert "concept:name + lifecycle:transition" in said["problems"]
    assert "date_only" in said["supply"]
    assert "5,732 cells say N/A - From RDC, Date Not Captured" in said["supply"]


def test_cases_begin_and_end_as_the_log_says(
    adopted: Adopted, process: str, truth: oracle.Read
) -> None:
    published = {
        case: (started, ended, lead)
        for case, started, ended, lead in rows(
            adopted,
            "select process_instance_id, started_at, ended_at, lead_elapsed_seconds "
            "from fct_process_instances where process_code = ?",
            process,
        )
    }
    expected = {}
    for case, started in truth.started().items():
        end = truth.ends.get(case)
        expected[case] = (started, end, lead(started, end))
    assert published == expected


def lead(started: datetime, ended: datetime | None) -> int | None:
    """Whole seconds from start to end; nothing is measured backwards."""
    return None if ended is None or ended < started else seconds(started, ended)


def test_paths_are_those_of_the_log(
    adopted: Adopted,
    process: str,
    truth: oracle.Read,
    steps_of: dict[str, dict[str, dict[str, str]]],
) -> None:
    own = steps_of[process]
    places = {name: int(row["step_no"]) for name, row in own.items()}
    expected = Counter(
        {
            (own[a]["activity_code"], own[b]["activity_code"]): count
            for (a, b), count in truth.paths(places).items()
        }
    )
    published = rows(
        adopted,
        "select from_activity_code, to_activity_code, count(*) from fct_process_paths "
        "where process_code = ? and path_kind = 'step' group by all",
        process,
    )
    assert Counter({(a, b): count for a, b, count in published}) == expected


def test_the_map_is_in_the_order_that_mining_finds(
    adopted: Adopted, process: str, steps_of: dict[str, dict[str, dict[str, str]]]
) -> None:
    """Steps that are nearer than a tenth may change places: equal times break ties."""
    mined = dict(
        rows(
            adopted,
            "select activity_code, relative_rank from fct_discovered_steps "
            "where process_code = ? and relative_rank is not null",
            process,
        )
    )
    codes = [row["activity_code"] for row in steps_of[process].values()]
    assert set(mined) <= set(codes)
    ranks = [mined[code] for code in codes if code in mined]
    assert all(before <= after + 0.1 for before, after in combinations(ranks, 2))


def test_undecided_loans_stay_open(adopted: Adopted, real_data: Path) -> None:
    assert rows(
        adopted,
        "select count(*) from fct_process_instances "
        "where process_code = 'loans' and state = 'open'",
    ) == [(399,)]


def test_generated_files_pass_the_linters(adopted: Adopted, real_data: Path) -> None:
    root = adopted.project.root
    own = [path for path in root.rglob("*") if is_generated(path)]
    assert len(own) >= 9 * len(READERS)
    sql = [str(path) for path in own if path.suffix == ".sql"]
    python = [str(path) for path in own if path.suffix == ".py"]
    tools = Path(sys.executable).parent
    for command in (
        [str(tools / "sqlfluff"), "lint", *sql],
        [str(tools / "ruff"), "check", *python],
        [str(tools / "ruff"), "format", "--check", *python],
    ):
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def is_generated(path: Path) -> bool:
    if path.suffix not in {".sql", ".yml", ".py"} or "data" in path.parts[-4:-3]:
        return False
    return path.is_file() and is_sealed(path.read_text(encoding="utf-8")) is True


def test_every_file_of_the_gate_is_admitted(adopted: Adopted, real_data: Path) -> None:
    """Each suite passes the file that it was made from."""
    verdicts = adopted.project.ledger(
        "select batches.source as source, verdicts.verdict as verdict from verdicts "
        "join batches on batches.seq = verdicts.batch_seq"
    )
    found = {str(row["source"]): row["verdict"] for row in verdicts}
    assert set(found) == {*READERS, "claims", "tickets"}
    assert set(found.values()) <= {"PASS", "WARN"}
