"""`takt new`: whole files in the house style, refused until every decision is made."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from orchestration import cli, scaffold
from orchestration.refresh import Run
from orchestration.scaffold import (
    Decision,
    ScaffoldError,
    Undecided,
    new_kpi,
    new_pack,
    new_source,
    undecided,
)
from tests.faults.tiny import TinySettings, tiny_settings
from tests.unit.conventions.project import CHECKS, Project

REPOSITORY = Path(__file__).resolve().parents[3]
PARTS = ("models", "seeds", "docs", "tests/data", "expectations")
KPI = "models/metrics/tickets/kpi_tickets__resolution_hours"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a refresh reads and people write."""
    root = tmp_path / "project"
    for part in PARTS:
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, root / part, ignore=skipped)
    return root


@pytest.fixture
def scaffolded(project: Path) -> Path:
    """The copy with a new source, pack and KPI, nothing decided."""
    new_source(project, "desk.tickets", "delta")
    new_pack(project, "tickets")
    new_kpi(project, "tickets.resolution_hours")
    return project


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def names(paths: list[Path]) -> set[str]:
    return {path.as_posix() for path in paths}


def test_a_source_is_contract_staging_model_and_suite(project: Path) -> None:
    assert names(new_source(project, "desk.tickets", "delta")) == {
        "models/staging/desk/_desk__sources.yml",
        "models/staging/desk/stg_desk__tickets.sql",
        "models/staging/desk/stg_desk__tickets.yml",
        "expectations/desk.py",
    }


def test_a_pack_is_models_map_lists_and_a_test(project: Path) -> None:
    assert names(new_pack(project, "tickets")) == {
        "models/processes/tickets/int_tickets__events.sql",
        "models/processes/tickets/int_tickets__events.yml",
        "models/processes/tickets/int_tickets__instances.sql",
        "models/processes/tickets/int_tickets__instances.yml",
        "models/processes/core/int_process_events.sql",
        "models/processes/core/int_process_instances.sql",
        "seeds/processes.csv",
        "seeds/process_steps.csv",
        "tests/data/tickets/assert_tickets__no_case_is_lost.sql",
    }


def test_a_kpi_is_the_four_touches(project: Path) -> None:
    new_pack(project, "tickets")
    assert names(new_kpi(project, "tickets.resolution_hours")) == {
        f"{KPI}.sql",
        f"{KPI}.yml",
        "seeds/kpis.csv",
        "models/marts/fct_kpi_observations.sql",
    }


def test_nothing_is_missing_but_the_decisions(scaffolded: Path) -> None:
    """Every convention holds; what is left to say is named file by file."""
    project = Project(scaffolded)
    findings = [finding for check in CHECKS for finding in check(project)]
    assert findings
    rest = [one for one in findings if "<decide" not in one]
    assert all(one.endswith(" is not decided") for one in rest), rest
    for path, field in (
        ("models/staging/desk/_desk__sources.yml", "encoding"),
        ("expectations/desk.py", "loss"),
        ("models/processes/tickets/int_tickets__instances.sql", "segment"),
        ("seeds/processes.csv", "purpose_en"),
        (f"{KPI}.sql", "from"),
        ("seeds/kpis.csv", "direction"),
    ):
        assert f"{path}: {field} is not decided" in findings


def test_all_other_rows_and_lines_stay_as_they_were(scaffolded: Path) -> None:
    for name in ("processes", "process_steps", "kpis"):
        old = (REPOSITORY / "seeds" / f"{name}.csv").read_text(encoding="utf-8")
        new = (scaffolded / "seeds" / f"{name}.csv").read_text(encoding="utf-8")
        assert new.startswith(old.rstrip("\n") + "\n")
        header, *rows = csv.reader(new.splitlines())
        assert {len(row) for row in rows} == {len(header)}
    path = "models/marts/fct_kpi_observations.sql"
    old = (REPOSITORY / path).read_text(encoding="utf-8")
    new = (scaffolded / path).read_text(encoding="utf-8")
    assert new.replace("    'kpi_tickets__resolution_hours',\n", "") == old


def test_what_is_written_is_well_formed(scaffolded: Path) -> None:
    new_source(scaffolded, "desk.agents", "snapshot")
    new_source(scaffolded, "desk.visits", "append")
    contract = scaffolded / "models/staging/desk/_desk__sources.yml"
    (source,) = yaml.safe_load(contract.read_text())["sources"]
    assert [table["name"] for table in source["tables"]] == [
        "tickets",
        "agents",
        "visits",
    ]
    suites = (scaffolded / "expectations/desk.py").read_text()
    compile(suites, "desk.py", "exec")
    assert suites.count("\ndef ") == 3
    for path in scaffolded.rglob("*.yml"):
        yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% set packs = [] %}\n", "{% set packs = ['new'] %}\n"),
        ("{% set packs = ['a'] %}\n", "{% set packs = ['a', 'new'] %}\n"),
        (
            "{% set packs = [\n    'a',\n    'b',\n] %}\n",
            "{% set packs = [\n    'a',\n    'b',\n    'new',\n] %}\n",
        ),
        (
            "{% set packs = [\n    'a'\n] %}\n",
            "{% set packs = [\n    'a',\n    'new',\n] %}\n",
        ),
    ],
)
def test_a_list_keeps_its_form(project: Path, text: str, expected: str) -> None:
    paths = [project / path for path in scaffold.PACK_LISTS]
    for path in paths:
        path.write_text(text)
    new_pack(project, "new")
    assert [path.read_text() for path in paths] == [expected, expected]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda root: new_source(root, "desk", "delta"), "'desk' does not fit"),
        (lambda root: new_source(root, "Desk.t", "delta"), "'Desk.t' does not fit"),
        (
            lambda root: new_source(root, "erp.orders", "delta"),
            "_erp__sources.yml declares orders already",
        ),
        (lambda root: new_pack(root, "my_pack"), "'my_pack' does not fit"),
        (lambda root: new_pack(root, "orders"), "is there already"),
        (lambda root: new_kpi(root, "orders"), "'orders' does not fit"),
        (lambda root: new_kpi(root, "orders.speed"), "must end in the unit"),
        (lambda root: new_kpi(root, "orders.hours"), "must end in the unit"),
        (lambda root: new_kpi(root, "nope.a_pct"), "First: takt new pack nope"),
        (
            lambda root: new_kpi(root, "orders.dispatch_minutes"),
            "kpi_orders__dispatch_minutes.sql is there already",
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    project: Path, act, message: str
) -> None:
    before = contents(project)
    with pytest.raises(ScaffoldError, match=message.replace(".", r"\.")):
        act(project)
    assert contents(project) == before


def test_a_row_or_line_that_is_there_already_is_refused(project: Path) -> None:
    new_pack(project, "tickets")
    new_kpi(project, "tickets.resolution_hours")
    for suffix in (".sql", ".yml"):
        (project / f"{KPI}{suffix}").unlink()
    before = contents(project)
    with pytest.raises(ScaffoldError, match=r"kpis\.csv has tickets\.resolution_hours"):
        new_kpi(project, "tickets.resolution_hours")
    assert contents(project) == before


def test_an_open_decision_refuses_the_refresh_and_names_file_and_field(
    scaffolded: Path, tmp_path: Path
) -> None:
    settings: TinySettings = tiny_settings(tmp_path / "home", scaffolded)
    with (
        pytest.raises(Undecided) as refused,
        Run(settings) as run,
    ):
        run.prepare()
    assert run.report.outcome == "failed"
    lines = str(refused.value).splitlines()
    assert lines[0] == "Not decided yet:"
    place = lines.index("models/staging/desk/_desk__sources.yml")
    assert (
        "    encoding: utf-8, utf-8-sig, utf-16, gb18030 or latin-1"
        in (lines[place : place + 15])
    )


def test_a_single_mark_anywhere_is_found(project: Path) -> None:
    assert undecided(project) == []
    for path in (
        "models/staging/erp/_erp__sources.yml",
        "models/metrics/orders/kpi_orders__dispatch_minutes.sql",
        "seeds/kpi_targets.csv",
        "expectations/erp.py",
        "tests/data/orders/assert_orders__every_event_has_an_instance.sql",
    ):
        file = project / path
        text = file.read_text(encoding="utf-8")
        file.write_text(text + "<decide target: a number>", encoding="utf-8")
        assert undecided(project) == [Decision(Path(path), "target", "a number")]
        file.write_text(text, encoding="utf-8")


def test_the_command_lists_files_and_decisions(project: Path, monkeypatch) -> None:
    settings = tiny_settings(project.parent / "home", project)
    monkeypatch.setattr(cli, "settings_of", lambda: settings)
    runner = CliRunner()
    for arguments, path, field in (
        (
            ["source", "desk.tickets", "--delivery", "delta"],
            "models/staging/desk/_desk__sources.yml",
            "    cadence: daily, monthly, half_yearly or once",
        ),
        (
            ["pack", "tickets"],
            "seeds/processes.csv",
            "    timezone: IANA name of its local days",
        ),
        (
            ["kpi", "tickets.solved_pct"],
            "models/metrics/tickets/kpi_tickets__solved_pct.sql",
            "    hit: what makes a case a good one",
        ),
    ):
        result = runner.invoke(cli.app, ["new", *arguments])
        assert result.exit_code == 0, result.output
        lines = result.stdout.splitlines()
        assert lines.index(path) < lines.index(field)
        assert "no refresh starts before" in lines[-1]
    again = runner.invoke(cli.app, ["new", "pack", "tickets"])
    assert again.exit_code == 2
    assert "is there already" in again.stderr
