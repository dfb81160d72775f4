"""Decisions change registers from a day on, whole or not at all, and nothing else."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from orchestration import review
from orchestration.register_files import ChangeRefused, RegisterFile, next_period
from orchestration.registers import History, RegistersRefused, check_registers
from orchestration.review import Change, DecisionRefused, Finding
from orchestration.settings import PROJECT_ROOT, Settings

KPI = "procurement.cycle_hours"
OLD = "procurement.cycle_hours,all,2025-01-01,,,80,,120,"


@pytest.fixture
def fields() -> list[str]:
    """The fields that the registers' own KPIs and steps name: all are declared."""
    rows = [
        *RegisterFile(PROJECT_ROOT / "seeds/kpis.csv").rows(),
        *RegisterFile(PROJECT_ROOT / "seeds/process_steps.csv").rows(),
    ]
    lists = [row.get("source_fields") or row.get("output_fields") or "" for row in rows]
    return [field for cell in lists for field in cell.split("|")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a project with a copy of the registers, in the middle of 2026."""
    shutil.copytree(PROJECT_ROOT / "seeds", tmp_path / "seeds")
    monkeypatch.setattr(Settings, "project", property(lambda _: tmp_path))
    return Settings(home=tmp_path / "home", as_of="2026-07-15T09:00+08:00")


def finding(*changes: Change, **more) -> Finding:
    """A finding that asks for changes."""
    row = {
        "finding_id": "0123456789ab",
        "rule_id": "TR-1",
        "severity": "W",
        "verdict": "raise",
        "kpi_code": KPI,
        "process_code": None,
        "segment_code": "all",
        "period_start": date(2025, 9, 1),
        "message_en": "Raise it.",
        "message_zh": "请提高。",
        "evidence": {},
        "changes": changes,
        "owner_code": "purchasing_head",
        "state": "open",
        "decision_code": None,
        "decider_code": None,
        "decided_on": None,
    }
    return Finding(**{**row, **more})


def raised(old: str = "80", new: str = "64", **key: str) -> Change:
    key = {"kpi_code": KPI, "segment_code": "all", "valid_from": "2025-01-01", **key}
    return Change("kpi_targets", key, "target_max", old, new)


def texts(project: Settings) -> dict[str, str]:
    """Every file of the registers' folder."""
    folder = project.project / "seeds"
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def decide(project: Settings, fields: list[str], one: Finding, action: str, **more):
    """A decision by the purchasing head."""
    why = more.pop("why", "Others do it in 48 hours.")
    by = more.pop("by", "purchasing_head")
    return review.decide(project, fields, one, action, by, why, **more)


def changed(before: dict[str, str], after: dict[str, str]) -> dict[str, list[str]]:
    """By file the lines that came and, marked with -, those that went."""
    return {
        name: [f"-{line}" for line in old if line not in new]
        + [line for line in new if line not in old]
        for name in before | after
        if (old := before.get(name, "").splitlines())
        != (new := after.get(name, "").splitlines())
    }


def test_accepting_ends_the_old_row_and_begins_a_new_one_next_period(
    project: Settings, fields: list[str]
) -> None:
    before = texts(project)
    done = decide(project, fields, finding(raised()), "accept")
    found = changed(before, texts(project))
    gone, ended, follows = found["kpi_targets.csv"]
    assert gone.startswith(f"-{OLD}")
    assert ended.startswith(OLD.replace("2025-01-01,,", "2025-01-01,2026-08-01,"))
    assert follows.startswith("procurement.cycle_hours,all,2026-08-01,,,64,,120,")
    assert follows.endswith("Others do it in 48 hours.")
    (decision,) = found["decisions.csv"]
    assert decision == (
        "D1,finding,0123456789ab,accept,2026-07-15,,purchasing_head,"
        "Others do it in 48 hours."
    )
    assert set(found) == {path.name for path in done.files}
    registers = check_registers(project.project / "seeds", fields)
    in_force = {
        on: [
            row.target_max
            for row in registers.rows["kpi_targets"]
            if row.kpi_code == KPI and row.in_force(on)
        ]
        for on in (date(2026, 7, 31), date(2026, 8, 1))
    }
    assert in_force == {date(2026, 7, 31): [80], date(2026, 8, 1): [64]}


@pytest.mark.parametrize(("action", "until"), [("decline", None), ("snooze", "later")])
def test_no_other_decision_changes_a_target(
    project: Settings, fields: list[str], action: str, until: str | None
) -> None:
    before = texts(project)
    last = date(2026, 9, 30) if until else None
    decide(project, fields, finding(raised()), action, until=last)
    assert set(changed(before, texts(project))) == {"decisions.csv"}


def test_a_planned_target_is_changed_before_it_begins(
    project: Settings, fields: list[str]
) -> None:
    planned = {"kpi_code": "orders.processing_minutes", "valid_from": "2027-01-01"}
    before = texts(project)
    one = finding(raised("30", "85", **planned), kpi_code="orders.processing_minutes")
    decide(project, fields, one, "accept")
    gone, came = changed(before, texts(project))["kpi_targets.csv"]
    assert ",2027-01-01,,,30," in gone
    assert ",2027-01-01,,,85," in came


def test_a_new_level_is_learnt_by_a_decision_of_its_own(
    project: Settings, fields: list[str]
) -> None:
    rebase = Change(
        "decisions", {"subject_kind": "kpi", "subject_id": KPI}, "action", "", "rebase"
    )
    before = texts(project)
    decide(project, fields, finding(rebase), "accept")
    accepted, rebased = changed(before, texts(project))["decisions.csv"]
    assert accepted.startswith("D1,finding,0123456789ab,accept,")
    assert rebased.startswith(f"D2,kpi,{KPI},rebase,2026-07-15,")


def test_what_the_registers_do_not_allow_leaves_them_as_they_were(
    project: Settings, fields: list[str]
) -> None:
    """An unknown role, an alarm stricter than the target, a moved register."""
    before = texts(project)
    with pytest.raises(
        RegistersRefused, match=r"decider_code .*nearest: purchasing_head"
    ):
        decide(project, fields, finding(raised()), "accept", by="purchasing_hed")
    with pytest.raises(RegistersRefused, match="alarm_max"):
        decide(project, fields, finding(raised(new="130")), "accept")
    with pytest.raises(ChangeRefused, match='is "80" by now, not "70"'):
        decide(project, fields, finding(raised(old="70")), "accept")
    with pytest.raises(DecisionRefused, match="snooze needs --until"):
        decide(project, fields, finding(raised()), "snooze")
    assert texts(project) == before


def test_nothing_is_decided_on_a_register_that_lost_what_was_published(
    project: Settings, fields: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next refresh would refuse it; the person who decides is told now."""
    used = {
        **{"decision_code": "D7", "subject_kind": "finding", "subject_id": "0" * 12},
        **{"action": "decline", "decided_on": date(2026, 5, 4), "until": None},
        **{"decider_code": "kpi_office", "reason": "Two suppliers leave in May."},
    }
    history = History(decisions=[used], interventions=[])
    monkeypatch.setattr(review.query, "published_history", lambda _: history)
    before = texts(project)
    with pytest.raises(RegistersRefused, match=r"D7.*gone"):
        decide(project, fields, finding(raised()), "decline")
    assert texts(project) == before


def test_a_finding_is_decided_once(project: Settings, fields: list[str]) -> None:
    later = date(2026, 8, 31)
    decide(project, fields, finding(raised()), "snooze", until=later)
    decide(project, fields, finding(raised()), "accept")
    after = texts(project)
    for action in ("accept", "decline"):
        with pytest.raises(DecisionRefused, match="2026-07-15 by purchasing_head"):
            decide(project, fields, finding(raised()), action)
    assert texts(project) == after


def test_an_accept_cut_off_after_the_decision_is_finished_by_repeating_it(
    project: Settings, fields: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = texts(project)
    write = review.write_atomically

    def cut_off(path: Path, text: str) -> None:
        if path.name != "decisions.csv":
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(review, "write_atomically", cut_off)
    with pytest.raises(KeyboardInterrupt):
        decide(project, fields, finding(raised()), "accept")
    monkeypatch.undo()
    monkeypatch.setattr(Settings, "project", property(lambda one: one.home.parent))
    assert set(changed(before, texts(project))) == {"decisions.csv"}
    decide(project, fields, finding(raised()), "accept")
    found = changed(before, texts(project))
    assert len(found["decisions.csv"]) == 1
    assert len(found["kpi_targets.csv"]) == 3


def test_the_diff_shown_is_what_accepting_writes(
    project: Settings, fields: list[str]
) -> None:
    folder = project.project / "seeds"
    shown = review.proposal(folder, finding(raised()), date(2026, 7, 15))
    lines = [line for line in shown.splitlines() if line[:3] not in ("---", "+++")]
    before = texts(project)
    decide(project, fields, finding(raised()), "accept", why="House figure.")
    gone, *came = changed(before, texts(project))["kpi_targets.csv"]
    assert lines[1:] == [gone, *(f"+{line}" for line in came)]
    assert shown.startswith("--- seeds/kpi_targets.csv\n")


@pytest.mark.parametrize(
    ("day", "period", "start"),
    [
        ("2026-07-15", "day", "2026-07-16"),
        ("2026-07-12", "week", "2026-07-13"),
        ("2026-07-13", "week", "2026-07-20"),
        ("2026-12-31", "month", "2027-01-01"),
        ("2026-12-01", "ytd", "2027-01-01"),
        ("2026-05-31", "quarter", "2026-07-01"),
        ("2026-11-01", "half_year", "2027-01-01"),
    ],
)
def test_a_change_begins_with_the_next_period(
    day: str, period: str, start: str
) -> None:
    found = next_period(date.fromisoformat(day), period)
    assert found == date.fromisoformat(start)
