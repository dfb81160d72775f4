"""A source, a pack and a KPI from `takt new`, filled in and refreshed.

Nothing is written but the answers to what the files leave open, and the columns of the
export. The expected figures are worked out by hand from the file below.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.scaffold import MARK, undecided
from tests.helpers.shop import Shop
from tests.unit.conventions.project import CHECKS, Project

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("models", "macros", "seeds", "tests/data", "docs", "expectations")
AS_OF = "2026-06-02T02:00+08:00"

# Three closed: 5:48, 49:44 and 0:55 hours. One waits; one was closed before it opened.
FILE = """\
Ticket,Opened,Closed,Channel
T-1001,2026-05-04 09:12:00,2026-05-04 15:00:00,phone
T-1002,2026-05-04 10:01:00,2026-05-06 11:45:00,mail
T-1003,2026-05-05 08:55:00,2026-05-05 09:50:00,phone
T-1004,2026-05-05 16:20:00,,mail
T-1005,2026-05-06 10:00:00,2026-05-06 09:00:00,phone
"""
COUNTED_SECONDS = (5 * 60 + 48 + 49 * 60 + 44 + 55) * 60

COLUMNS = """\
          - name: opened_at
            data_type: timestamp
            description: The ticket was opened.
            config: {meta: {header: Opened, required: true, pii: keep}}
          - name: closed_at
            data_type: timestamp
            description: The ticket was closed.
            config: {meta: {header: Closed, pii: keep}}
          - name: channel
            data_type: varchar
            description: How the ticket came in.
            config: {meta: {header: Channel, pii: keep}}
"""

# Field -> answer; where a field means another thing in one file, `file: field`.
ANSWERS = {
    "source": "The ticket system of the service desk.",
    "grain": "ticket that changed in the month",
    "encoding": "utf-8",
    "delimiter": ",",
    "line_end": "lf",
    "timezone": "Asia/Shanghai",
    "key": "ticket_no",
    "cadence": "monthly",
    "late_after": "1d",
    "_desk__sources.yml: columns": "ticket_no",
    "data_type": "varchar",
    "description": "Number of the ticket.",
    "header": "Ticket",
    "pii": "keep",
    "stg_desk__tickets.sql: columns": "ticket_no,\n    opened_at,\n    closed_at,\n"
    "    channel as channel_code",
    "column": "opened_at",
    "loss": "A ticket without a start has no duration.",
    "reject_loss": "Tickets that nobody answers for.",
    "events": "One row per ticket and milestone.",
    "case": "ticket",
    "case_id": "ticket_no",
    "first_step": "open",
    "first_time": "opened_at",
    "last_step": "close",
    "last_time": "closed_at",
    "staging": "stg_desk__tickets",
    "source_system": "desk",
    "exports": "desk.tickets",
    "int_tickets__instances.sql: segment": "channel_code",
    "segment": "Channel of the ticket.",
    "valid_from": "2020-01-01",
    "value": "va",
    "subject": "ticket",
    "from": "started_at",
    "to": "ended_at",
    "exclusions": "Nothing else.",
    "definition": "Elapsed time from opening to closing a ticket; nights included.",
    "numerator": "Seconds from opening to closing; NULL unless counted.",
    "cases": "No other reasons.",
    "from_activity_code": "open",
    "to_activity_code": "close",
    "family": "speed",
    "kind": "outcome",
    "direction": "lower",
    "period": "month",
    "publish_lag_days": "3",
    "source_fields": "desk.tickets.opened_at|desk.tickets.closed_at",
    "tier": "core",
    # May stay empty: the goal tree and owners come later.
    "objective_code": "",
    "owner_code": "",
    "calendar_code": "",
    "org_unit_code": "",
    **{
        f"{name}_{language}": "Tickets"
        for language in ("en", "zh")
        for name in (
            "name",
            "purpose",
            "numerator",
            "denominator",
        )
    },
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A copy of the project with everything scaffolded by the command, then filled."""
    root = tmp_path_factory.mktemp("desk")
    skipped = shutil.ignore_patterns("__pycache__")
    for part in (*PARTS, "orchestration"):
        shutil.copytree(REPOSITORY / part, root / part, ignore=skipped)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(REPOSITORY / name, root)
    project = Shop(root)
    for arguments in (
        ("source", "desk.tickets", "--delivery", "delta"),
        ("pack", "tickets"),
        ("kpi", "tickets.resolution_hours"),
    ):
        done = project.takt("new", *arguments)
        assert done.returncode == 0, done.stderr
    refused = project.takt("refresh", "--as-of", AS_OF)
    assert refused.returncode == 1
    assert "Not decided yet:" in refused.stderr
    for path in {decision.path for decision in undecided(root)}:
        fill(root / path)
    contract = root / "models/staging/desk/_desk__sources.yml"
    contract.write_text(contract.read_text() + COLUMNS)
    export = root / "exports/desk/tickets_202605.csv"
    export.parent.mkdir(parents=True)
    export.write_text(FILE)
    return project


def fill(path: Path) -> None:
    """Replace every mark of a file by its answer."""

    def answer(mark) -> str:
        return ANSWERS.get(f"{path.name}: {mark[1]}", ANSWERS.get(mark[1], mark[0]))

    path.write_text(MARK.sub(answer, path.read_text(encoding="utf-8")), "utf-8")


def test_filled_in_it_keeps_every_convention(desk: Shop) -> None:
    project = Project(desk.root)
    assert [finding for check in CHECKS for finding in check(project)] == []


def test_filled_in_it_refreshes_to_the_figures_of_the_file(desk: Shop) -> None:
    done = desk.takt("refresh", "--as-of", AS_OF)
    assert done.returncode == 0, done.stdout + done.stderr
    values = desk.takt(
        "query",
        "select numerator, denominator, value, open_count, excluded_count "
        "from fct_kpi_values where kpi_code = 'tickets.resolution_hours' "
        "and period_grain = 'month' and segment_code = 'all' "
        "and period_start = date '2026-05-01'",
        "--format",
        "json",
    )
    (may,) = json.loads(values.stdout)
    assert may["value"] == pytest.approx(COUNTED_SECONDS / 3 / 3600)
    del may["value"]
    assert may == {
        "numerator": COUNTED_SECONDS,
        "denominator": 3,
        "open_count": 1,
        "excluded_count": 1,
    }
    steps = desk.takt(
        "query",
        "select activity_code, count(*) as n from fct_process_steps "
        "where process_code = 'tickets' group by all order by all",
        "--format",
        "csv",
    )
    assert steps.stdout == "activity_code,n\nclose,4\nopen,5\n"


def test_filled_in_its_unit_tests_pass(desk: Shop, tmp_path: Path) -> None:
    build = tmp_path / "build.duckdb"
    with duckdb.connect(str(build)) as connection:
        connection.execute(
            "create table int_kpi_freshness (kpi_code varchar, data_as_of timestamp)"
        )
        connection.execute(
            "create table int_tickets__instances (process_instance_id varchar, "
            "segment_code varchar, is_cancelled boolean, started_at timestamp, "
            "ended_at timestamp, started_on date, ended_on date)"
        )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "test", "--select"),
            "kpi_tickets__resolution_hours,resource_type:unit_test",
            *("--profiles-dir", ".", "--target-path", str(tmp_path / "target")),
            *("--log-path", str(tmp_path)),
        ],
        cwd=desk.root,
        env={**desk.environment, "TAKT_BUILD_FILE": str(build)},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "PASS=2" in done.stdout
