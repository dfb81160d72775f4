"""A mistake in a register gets one message: place, value and what is allowed."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from orchestration.registers import Registers, RegistersRefused, check_registers
from tests.unit.conventions.project import Project

REPOSITORY = Path(__file__).resolve().parents[3]
FIELDS = Project(REPOSITORY).fields


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """The project's registers, to be broken."""
    return Path(shutil.copytree(REPOSITORY / "seeds", tmp_path / "seeds"))


def edit(folder: Path, register: str, changes: dict[str, str], **where: str) -> int:
    """Change cells of the one row that `where` names; returns its line."""
    path = folder / f"{register}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [row for row in rows if all(row[k] == v for k, v in where.items())]
    assert found, f"no row {where} in {register}"
    found[0].update(changes)
    line = rows.index(found[0]) + 2
    write(path, rows)
    return line


def append(folder: Path, register: str, changes: dict[str, str], **where: str) -> int:
    """Add a copy of a row with changes; returns its line."""
    path = folder / f"{register}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = next(row for row in rows if all(row[k] == v for k, v in where.items()))
    rows.append({**found, **changes})
    write(path, rows)
    return len(rows) + 1


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def messages(folder: Path) -> list[str]:
    return [str(error) for error in Registers(folder, FIELDS).check()]


def test_the_registers_of_the_project_hold() -> None:
    check_registers(REPOSITORY / "seeds", FIELDS)


DISPATCH = {"kpi_code": "orders.dispatch_minutes"}
AFTER_MARCH = {**DISPATCH, "valid_from": "2026-03-01"}


@pytest.mark.parametrize(
    ("register", "where", "changes", "message"),
    [
        (
            "kpi_targets",
            AFTER_MARCH,
            {"target_max": "15min"},
            'target_max = "15min": not a number; write 15',
        ),
        (
            "kpi_targets",
            AFTER_MARCH,
            {"valid_from": "2026-02-01"},
            'valid_from = "2026-02-01": overlaps the row from 2025-01-01; '
            "set its valid_to to 2026-02-01",
        ),
        (
            "kpi_targets",
            AFTER_MARCH,
            {"valid_to": "2026-03-01"},
            'valid_to = "2026-03-01": not after valid_from 2026-03-01',
        ),
        (
            "kpi_targets",
            AFTER_MARCH,
            {"due_on": "31.12.2026"},
            'due_on = "31.12.2026": not a date; write YYYY-MM-DD',
        ),
        (
            "kpi_targets",
            AFTER_MARCH,
            {"target_max": "30", "alarm_max": "23"},
            'alarm_max = "23.0": is stricter than target_max 30',
        ),
        (
            "kpi_targets",
            AFTER_MARCH,
            {"floor": "10"},
            'floor = "10.0": floor, target and stretch must go from worse to better',
        ),
        (
            "kpi_targets",
            AFTER_MARCH,
            {"change_type": "relative", "change": ""},
            "change: change_type relative needs the change",
        ),
        (
            "kpi_targets",
            AFTER_MARCH,
            {"approver_code": "fulfilment_haed"},
            'approver_code = "fulfilment_haed": unknown in owners; '
            "nearest: fulfilment_head",
        ),
        (
            "kpis",
            DISPATCH,
            {"direction": "down"},
            'direction = "down": not one of higher, lower or range',
        ),
        (
            "kpis",
            DISPATCH,
            {"scale": "1/0"},
            'scale = "1/0": not a factor; write a number or 1/60',
        ),
        (
            "kpis",
            DISPATCH,
            {"window_days": "1.5"},
            'window_days = "1.5": not a whole number; write 1',
        ),
        (
            "kpis",
            DISPATCH,
            {"is_manual": "no"},
            'is_manual = "no": not one of true, false',
        ),
        (
            "kpis",
            DISPATCH,
            {"owner_code": ""},
            "owner_code: an active KPI needs it; fill it, or set status proposed",
        ),
        (
            "kpis",
            DISPATCH,
            {"unit": ""},
            "unit: is blank; fill it",
        ),
        (
            "kpis",
            DISPATCH,
            {"to_activity_code": "dispach"},
            'to_activity_code = "dispach": no step of orders; nearest: dispatch',
        ),
        (
            "kpis",
            DISPATCH,
            {"source_fields": "erp.orders.recieved_at"},
            'source_fields = "erp.orders.recieved_at": unknown in export fields; '
            "nearest: erp.orders.received_at",
        ),
        (
            "kpis",
            DISPATCH,
            {"bound_min": "5", "bound_max": "5"},
            'bound_max = "5.0": bound_max must be above bound_min 5',
        ),
        (
            "kpis",
            DISPATCH,
            {"reason": "ask lead@example.org"},
            'reason = "ask lead@example.org": channels come from the environment',
        ),
        (
            "objectives",
            {"objective_code": "p_orders"},
            {"parent_code": "s_loyalty"},
            'parent_code = "s_loyalty": a process hangs under a department, '
            "not s_loyalty",
        ),
        (
            "objectives",
            {"objective_code": "d_fulfilment"},
            {"parent_code": ""},
            "parent_code: a department needs a parent of level strategy",
        ),
        (
            "objectives",
            {"objective_code": "d_fulfilment"},
            {"parent_code": "d_fulfilment"},
            'parent_code = "d_fulfilment": d_fulfilment → d_fulfilment is a loop',
        ),
        (
            "objectives",
            {"objective_code": "p_orders"},
            {"weight": "0"},
            'weight = "0.0": weights under d_fulfilment sum to 0',
        ),
        (
            "org_units",
            {"org_unit_code": "fulfilment"},
            {"parent_code": "dispatch"},
            'parent_code = "dispatch": fulfilment → dispatch → fulfilment is a loop',
        ),
        (
            "owners",
            {"owner_code": "erp_steward"},
            {"valid_to": "2025-01-01"},
            "not in force on",
        ),
        (
            "defaults",
            {"name": "n_min_rate"},
            {"name": "n_mim_rate", "scope_code": "orders"},
            'name = "n_mim_rate": no such default',
        ),
        (
            "defaults",
            {"name": "n_min_rate"},
            {"value": "0"},
            'value = "0": outside 1 … 100000',
        ),
        (
            "defaults",
            {"name": "missing_policy"},
            {"value": "ignore"},
            'value = "ignore": not one of exclude, zero',
        ),
        (
            "activity_words",
            {"word": "assign"},
            {"word": "Re-assign"},
            'word = "Re-assign": write lower case letters, digits and single spaces',
        ),
        (
            "activity_words",
            {"word": "assign"},
            {"hint": "assigning"},
            'hint = "assigning": not one of assign, request_info',
        ),
        (
            "process_steps",
            {"process_code": "orders", "activity_code": "pick"},
            {"nva_reason": "waiting"},
            'nva_reason = "waiting": goes only with value nva',
        ),
        (
            "interventions",
            {"intervention_code": "ndd_launch"},
            {"verify_on": "2026-02-01"},
            "registered_on, starts_on, verify_on must follow each other",
        ),
        (
            "processes",
            {"process_code": "orders"},
            {"timezone": "Asia/Shanghia"},
            'timezone = "Asia/Shanghia": not a time zone; nearest: Asia/Shanghai',
        ),
    ],
)
@pytest.mark.proves("M1", "REG-2", "REG-3", "REG-4", "REG-5", "REG-6")
@pytest.mark.proves("REG-7", "REG-8", "REG-9", "REG-11")
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(
    seeds: Path, register: str, where: dict, changes: dict, message: str
) -> None:
    line = edit(seeds, register, changes, **where)
    found = messages(seeds)
    assert any(message in text for text in found), found
    if register != "owners":
        assert any(
            text.startswith(f"seeds/{register}.csv line {line} ") for text in found
        )


def test_a_register_that_the_project_lacks_is_asked_for_nothing(seeds: Path) -> None:
    before = messages(seeds)
    for name in ("decisions", "interventions", "kpi_benchmarks"):
        (seeds / f"{name}.csv").unlink()
    edit(seeds, "kpi_targets", {"intervention_code": "not_known"}, **AFTER_MARCH)
    assert [text for text in messages(seeds) if text not in before] == []


@pytest.mark.proves("REG-1")
def test_a_key_stands_once(seeds: Path) -> None:
    line = append(seeds, "kpi_targets", {"target_max": "14"}, **AFTER_MARCH)
    assert (
        f'seeds/kpi_targets.csv line {line} · kpi_code = "orders.dispatch_minutes": '
        "2 rows with this key; keep one" in messages(seeds)
    )


def test_a_wrong_header_and_a_wrong_row_are_named(seeds: Path) -> None:
    path = seeds / "owners.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("language", "lang", 1), encoding="utf-8")
    assert (
        "seeds/owners.csv line 1 · header: columns missing: language; "
        "unknown or double: lang" in messages(seeds)
    )
    path.write_text(text + "late_row,2024-01-01\n", encoding="utf-8")
    line = text.count("\n") + 1
    assert (
        f"seeds/owners.csv line {line} · row: 2 cells, the header has 8; put a text "
        "with commas in quotes" in messages(seeds)
    )


def test_all_mistakes_are_told_at_once(seeds: Path) -> None:
    edit(seeds, "kpis", {"direction": "down"}, **DISPATCH)
    edit(seeds, "kpi_targets", {"target_max": "15min"}, **AFTER_MARCH)
    with pytest.raises(RegistersRefused) as refused:
        check_registers(seeds, FIELDS)
    assert len(refused.value.errors) == 2
    assert str(refused.value).startswith(
        "2 mistakes in the registers; nothing was built.\nseeds/kpi_targets.csv line "
    )
