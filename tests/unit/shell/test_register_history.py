"""What a published version was judged by stays in the registers as it was."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.publish import CURRENT
from orchestration.query import published_history
from orchestration.readback import MARTS_FILE
from orchestration.registers import (
    History,
    RegistersRefused,
    check_registers,
)
from orchestration.settings import Settings
from tests.unit.conventions.project import Project

REPOSITORY = Path(__file__).resolve().parents[3]
FIELDS = Project(REPOSITORY).fields
DECISION = {
    "decision_code": "D7",
    "subject_kind": "finding",
    "subject_id": "0123456789ab",
    "action": "decline",
    "decided_on": "2026-05-04",
    "until": "",
    "decider_code": "kpi_office",
    "reason": "Two suppliers leave in May.",
}
INTERVENTION = {
    "intervention_code": "two_steps",
    "name_en": "Two steps in one",
    "name_zh": "两步合一",
    "process_code": "orders",
    "kpi_code": "orders.dispatch_minutes",
    "segment_code": "all",
    "registered_on": "2026-01-05",
    "starts_on": "2026-02-02",
    "verify_on": "2026-05-04",
    "washout_days": "7",
    "min_effect": "2.5",
    "status": "running",
    "owner_code": "dispatch_lead",
}


@pytest.fixture
def published(tmp_path: Path) -> History:
    """One decision and a started intervention, read from a published file."""
    settings = Settings(home=tmp_path / "home", exports=tmp_path / "exports")
    assert published_history(settings) == History()
    folder = settings.published / "versions" / "1"
    folder.mkdir(parents=True)
    (settings.published / CURRENT).symlink_to(folder)
    with duckdb.connect(str(folder / MARTS_FILE)) as connection:
        decisions = ", ".join(f"nullif('{v}', '') as {k}" for k, v in DECISION.items())
        connection.execute(
            f"create table dim_decisions as select * replace (cast(decided_on as date) "
            f"as decided_on, cast(until as date) as until) from (select {decisions})"
        )
        columns = ", ".join(f"'{v}' as {k}" for k, v in INTERVENTION.items())
        connection.execute(
            "create table dim_interventions as select * replace ("
            "cast(registered_on as date) as registered_on, "
            "cast(starts_on as date) as starts_on, "
            "cast(verify_on as date) as verify_on, "
            "cast(washout_days as integer) as washout_days, "
            "cast(min_effect as double) as min_effect), true as is_started "
            f"from (select {columns}) union all by name "
            "select 'planned' as intervention_code, false as is_started"
        )
    return published_history(settings)


def refusals(
    folder: Path, published: History, decisions: list[Any], interventions: list[Any]
) -> list[str]:
    """Messages about registers with these rows added."""
    seeds = Path(shutil.copytree(REPOSITORY / "seeds", folder / "seeds"))
    for name, rows in (("decisions", decisions), ("interventions", interventions)):
        path = seeds / f"{name}.csv"
        columns = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, columns, lineterminator="\n").writerows(rows)
    try:
        check_registers(seeds, FIELDS, published)
    except RegistersRefused as refused:
        return [f"{error.column}: {error.message}" for error in refused.errors]
    return []


@pytest.mark.parametrize(
    ("decisions", "interventions", "messages"),
    [
        ([DECISION], [INTERVENTION], []),
        (
            [DECISION],
            [{**INTERVENTION, "status": "stopped", "owner_code": "kpi_office"}],
            [],
        ),
        (
            [],
            [INTERVENTION],
            ["decision_code: was used and is gone; put its row back"],
        ),
        (
            [{**DECISION, "action": "accept"}],
            [INTERVENTION],
            ["action: D7 was used with decline; put it back"],
        ),
        (
            [DECISION],
            [],
            ["intervention_code: has started and is gone; put its row back"],
        ),
        (
            [DECISION],
            [{**INTERVENTION, "min_effect": "1"}],
            ["min_effect: two_steps has started with 2.5; put it back"],
        ),
    ],
)
@pytest.mark.proves("REG-10")
def test_what_was_used_stays(
    tmp_path: Path,
    published: History,
    decisions: list[Any],
    interventions: list[Any],
    messages: list[str],
) -> None:
    assert refusals(tmp_path, published, decisions, interventions) == messages
