"""KPIs to give up, sets of KPIs to complete, and the state of findings."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.helpers.review_rows import benchmark, kpi, month, months
from tests.helpers.warehouse import Warehouse

PRUNING = (
    "int_kpi_defaults",
    "int_kpi_redundancy",
    "int_kpi_silences",
    "int_kpi_moves",
    "int_review_labels",
    "int_findings_pruning",
    "fct_findings",
)
WAVES = [10, 12, 9, 14, 8, 13, 11, 15, 7, 12, 10, 16]
OTHERS = [5, 4, 5, 5, 6, 4, 6, 5, 5, 6, 4, 5]


def found(warehouse: Warehouse, rules: str) -> set[tuple[str, str, str | None]]:
    """(rule, KPI or process, other KPI) of findings whose rule begins so."""
    return set(
        warehouse.rows(
            "select rule_id, coalesce(kpi_code, process_code), counter_kpi_code "
            f"from fct_findings where starts_with(rule_id, '{rules}')"
        )
    )


@pytest.mark.proves("P-1", "P-2")
def test_of_two_kpis_that_say_the_same_the_heavier_stays(warehouse: Warehouse) -> None:
    """Equal parts, then equal ups and downs; not of a declared pair, of two processes,
    or over eleven months.
    """
    scaled = [3 * value + 1 for value in WAVES]
    process = {"process_code": "p"}
    warehouse.load(
        "dim_kpis",
        [
            kpi("a.one", weight=2.0, tier="core", **process),
            kpi("a.same", **process),
            kpi("a.alike", **process),
            kpi("a.pair", **process),
            kpi("a.own_way", **process),
            kpi("a.young", **process),
            kpi("a.elsewhere", process_code="q"),
        ],
    )
    warehouse.load(
        "stg_registers__kpi_counters",
        [
            {"kpi_code": one, "counter_kpi_code": "a.pair"}
            for one in ("a.one", "a.alike", "a.same")
        ],
    )
    warehouse.load(
        "int_review_series",
        months("a.one", WAVES)
        + months("a.same", WAVES)
        + months("a.alike", scaled)
        + months("a.pair", [4 * value for value in WAVES])
        + months("a.own_way", OTHERS)
        + months("a.young", [2 * value for value in WAVES[:11]])
        + months("a.elsewhere", [5 * value for value in WAVES]),
    )
    warehouse.run(*PRUNING)
    assert found(warehouse, "P-") == {
        ("P-1", "a.same", "a.one"),
        ("P-2", "a.alike", "a.one"),
        ("P-2", "a.same", "a.alike"),
    }
    messages = warehouse.rows(
        "select message_en, message_zh, "
        "json_extract_string(proposed_change, '$[0].new') from fct_findings "
        "where rule_id = 'P-2' and kpi_code = 'a.alike'"
    )
    assert messages == [
        (
            "Name of a.alike says the same as Name of a.one: their changes correlate "
            "at 1 over 12 periods. Keep Name of a.one, only monitor Name of a.alike.",
            "a.alike 名称 与 a.one 名称 重复：12 期变化的秩相关为 1。"
            "建议保留 a.one 名称，a.alike 名称 仅监测。",
            "monitor",
        )
    ]


@pytest.mark.proves("P-4", "P-5", "P-6", "P-7")
def test_what_says_nothing_or_belongs_to_nobody_is_named(warehouse: Warehouse) -> None:
    """Constant, unused, unreliable, ownerless; each beside one that just is not."""
    codes = (
        *("a.flat", "a.three", "a.unused", "a.alarmed", "a.one_cycle", "a.grade_d"),
        *("a.grade_c", "a.gone"),
    )
    owners = {"a.gone": "left"}
    warehouse.load(
        "dim_kpis", [kpi(code, owner_code=owners.get(code, "here")) for code in codes]
    )
    warehouse.load(
        "stg_registers__owners",
        """owner_code,valid_from,valid_to
        here,2025-01-01,
        left,2025-01-01,2026-03-01""",
    )
    closings = {
        "a.unused": (date(2025, 7, 1), date(2026, 1, 1)),
        "a.alarmed": (date(2025, 7, 1), date(2026, 1, 1)),
        "a.one_cycle": (date(2026, 1, 1),),
    }
    warehouse.load(
        "stg_registers__decisions",
        [
            {
                "decision_code": f"D{code}{on}",
                "subject_kind": "kpi",
                "subject_id": code,
                "action": "close_cycle",
                "decided_on": on,
            }
            for code, days in closings.items()
            for on in days
        ],
    )
    # From before the first cycle into the second one.
    warehouse.load(
        "fct_alert_episodes",
        [
            {
                "fingerprint": "0",
                "kpi_code": "a.alarmed",
                "onset_on": date(2024, 12, 1),
                "last_on": date(2025, 7, 1),
            },
            {
                "fingerprint": "1",
                "kpi_code": "a.unused",
                "onset_on": date(2026, 1, 1),
                "last_on": date(2026, 2, 1),
            },
        ],
    )
    warehouse.load(
        "fct_kpi_status",
        [
            {
                "kpi_code": code,
                "segment_code": "all",
                "period_start": month(number),
                "value": {"a.flat": number % 2, "a.three": number % 3}.get(
                    code, number
                ),
                "is_final": True,
                "reliability_grade": {"a.grade_d": "D", "a.grade_c": "C"}.get(
                    code, "A"
                ),
            }
            for code in codes
            for number in range(12)
        ],
    )
    warehouse.run(*PRUNING)
    assert found(warehouse, "P-") == {
        ("P-4", "a.flat", None),
        ("P-5", "a.unused", None),
        ("P-6", "a.grade_d", None),
        ("P-7", "a.gone", None),
    }


def process(name: str, *kpis: dict[str, Any]) -> list[dict[str, Any]]:
    """KPIs of a process, numbered."""
    return [
        kpi(f"{name}.k{number}", process_code=name, **{"family": "quality", **one})
        for number, one in enumerate(kpis)
    ]


@pytest.mark.proves("K-1", "K-2", "K-3", "K-4", "B-1")
def test_a_process_has_two_or_three_core_kpis_balanced_and_an_outcome(
    warehouse: Warehouse,
) -> None:
    core, speed = {"tier": "core"}, {"tier": "core", "family": "speed"}
    behaviour = {"kind": "behaviour"}
    warehouse.load(
        "dim_kpis",
        process("good", speed, core, {})
        + process("one", core, {})
        + process("four", core, core, core, core)
        + process("unbalanced", speed, core, {})
        + process("company", speed, core)
        + process("doing", {**core, **behaviour}, {**core, **behaviour})
        + [kpi("company.revenue", measure_type="amount")],
    )
    pairs = {
        "good.k0": "good.k1",
        "unbalanced.k0": "unbalanced.k2",
        "company.k0": "company.revenue",
    }
    warehouse.load(
        "stg_registers__kpi_counters",
        [
            {"kpi_code": one, "counter_kpi_code": other, "valid_from": date(2025, 1, 1)}
            for one, other in pairs.items()
        ],
    )
    # A core KPI is to be ready, with data of grade C at least.
    ready = {"is_ready": True, "reliability_grade": "C"}
    others = {
        "four.k2": {"reliability_grade": "D"},
        "company.k1": {"is_ready": False},
        "unbalanced.k2": {"is_ready": False},
    }
    warehouse.load(
        "fct_kpi_readiness",
        [
            {"kpi_code": code, **ready, **others.get(code, {})}
            for (code,) in warehouse.rows("select kpi_code from dim_kpis")
        ],
    )
    warehouse.load(
        "dim_process_steps",
        [
            {
                "process_code": name,
                "activity_code": "suggest",
                "is_hard_to_quantify": True,
                "is_retired": False,
            }
            for name in ("doing", "one")
        ],
    )
    names = ("good", "one", "four", "unbalanced", "company", "doing")
    warehouse.load(
        "dim_processes", [{"process_code": n, "owner_code": "ceo"} for n in names]
    )
    warehouse.run(
        "int_kpi_defaults", "fct_core_checks", "int_findings_core", "fct_findings"
    )
    assert found(warehouse, "K-") | found(warehouse, "B-1") == {
        ("K-1", "one", None),
        ("K-1", "four", None),
        ("K-2", "doing", None),
        ("K-3", "unbalanced", None),
        ("K-4", "four", None),
        ("K-4", "company", None),
        ("B-1", "doing", None),
        ("B-1", "one", None),
    }
    # The same with a KPI and its only counter metric taken apart.
    warehouse.load("stg_registers__kpi_counters", [])
    warehouse.run("fct_core_checks", "int_findings_core", "fct_findings")
    assert ("K-3", "good", None) in found(warehouse, "K-3")


@pytest.mark.proves("hard work")
def test_hard_work_is_scored_by_behaviour_outcome_and_ratings(
    warehouse: Warehouse,
) -> None:
    """.3 · .8 + .5 · 1.0 over .8 is .925 without ratings; with .6 of them .86."""
    people = {"kind": "behaviour", "family": "satisfaction"}
    warehouse.load(
        "dim_kpis",
        [
            kpi(f"{name}.{part}", process_code=name, **more)
            for name in ("without", "rated")
            for part, more in (
                ("takes_part", {"kind": "behaviour", "family": "volume"}),
                ("adopted", {"family": "volume"}),
                ("rating", people),
            )
        ],
    )
    warehouse.load(
        "dim_process_steps",
        [
            {"process_code": n, "is_hard_to_quantify": True, "is_retired": False}
            for n in ("without", "rated")
        ],
    )
    attained = {"takes_part": 0.8, "adopted": 1.1, "rating": 0.6}
    warehouse.load(
        "fct_kpi_status",
        [
            {
                "kpi_code": f"{name}.{part}",
                "segment_code": "all",
                "process_code": name,
                "period_start": month(0),
                "is_final": True,
                "attainment": None if (name, part) == ("without", "rating") else value,
            }
            for name in ("without", "rated")
            for part, value in attained.items()
        ],
    )
    warehouse.run("int_kpi_defaults", "fct_hard_work_scores")
    assert dict(
        warehouse.rows("select process_code, score from fct_hard_work_scores")
    ) == {"without": 0.925, "rated": 0.86}


@pytest.mark.proves("B-2")
def test_behaviour_that_rises_without_an_outcome_is_named(warehouse: Warehouse) -> None:
    """Four months at 84 after four at 80, sigma 2; outcome flat, or up by its sigma."""
    rows = []
    for name, outcome in (("idle", [5, 5.5, 5, 5.4]), ("works", [5, 5.5, 6, 6.5])):
        rows += [(name, "behaviour", [80] * 4 + [84] * 4, 2.0)]
        rows += [(name, "outcome", outcome, 1.0)]
    rows += [("steady", "behaviour", [80] * 4 + [81] * 4, 2.0)]
    rows += [("steady", "outcome", [5, 5, 5, 5], 1.0)]
    warehouse.load(
        "dim_kpis",
        [
            kpi(f"{name}.{kind}", process_code=name, kind=kind, direction="higher")
            for name, kind, _, _ in rows
        ],
    )
    warehouse.load(
        "dim_process_steps",
        [
            {"process_code": n, "is_hard_to_quantify": True, "is_retired": False}
            for n in ("idle", "works", "steady")
        ],
    )
    warehouse.load(
        "fct_kpi_status",
        [
            {
                "kpi_code": f"{name}.{kind}",
                "segment_code": "all",
                "process_code": name,
                "period_start": month(number),
                "value": value,
                "sigma": sigma,
                "is_final": True,
            }
            for name, kind, values, sigma in rows
            for number, value in enumerate(values)
        ],
    )
    warehouse.run("int_kpi_defaults", "int_findings_behaviour", "fct_findings")
    assert found(warehouse, "B-2") == {("B-2", "idle.behaviour", None)}


def test_a_decision_binds_a_finding_until_it_runs_out(warehouse: Warehouse) -> None:
    """One finding per decision; a snooze holds through its last day, July 1 here."""
    codes = ("a.open", "a.accepted", "a.declined", "a.snoozed", "a.awake", "a.later")
    warehouse.load("dim_kpis", [kpi(code, owner_code="nobody") for code in codes])
    warehouse.run(*PRUNING)
    names = dict(warehouse.rows("select kpi_code, finding_id from fct_findings"))
    decided = [
        ("a.accepted", "decline", date(2026, 6, 1), None),
        ("a.accepted", "accept", date(2026, 6, 2), None),
        ("a.declined", "decline", date(2026, 6, 1), None),
        ("a.snoozed", "snooze", date(2026, 6, 1), date(2026, 7, 1)),
        ("a.awake", "snooze", date(2026, 6, 1), date(2026, 6, 30)),
        ("a.later", "decline", date(2026, 7, 2), None),
    ]
    warehouse.load(
        "stg_registers__decisions",
        [
            {
                "decision_code": f"D{number}",
                "subject_kind": "finding",
                "subject_id": names[code],
                "action": action,
                "decided_on": on,
                "until": until,
                "decider_code": "ceo",
            }
            for number, (code, action, on, until) in enumerate(decided, start=1)
        ],
    )
    warehouse.run("fct_findings")
    states = dict(
        warehouse.rows(
            "select kpi_code, state from fct_findings where starts_with(kpi_code, 'a.')"
        )
    )
    assert states == {
        "a.open": "open",
        "a.accepted": "accepted",
        "a.declined": "declined",
        "a.snoozed": "snoozed",
        "a.awake": "open",
        "a.later": "open",
    }


@pytest.mark.proves("P-3")
def test_a_kpi_whose_easy_target_was_kept_is_only_to_be_monitored(
    warehouse: Warehouse,
) -> None:
    warehouse.load("dim_kpis", [kpi("a.easy"), kpi("a.open")])
    warehouse.load("stg_registers__kpi_benchmarks", [benchmark("a.easy", 5)])
    warehouse.load(
        "int_findings_targets",
        [
            {
                "rule_id": "TR-3",
                "severity": "info",
                "verdict": "too_easy",
                "kpi_code": code,
                "segment_code": "all",
                "period_start": month(11),
                "message_id": "target_too_easy",
                "evidence": json.dumps({}),
            }
            for code in ("a.easy", "a.open")
        ],
    )
    warehouse.run("int_kpi_defaults", *PRUNING)
    names = dict(
        warehouse.rows(
            "select kpi_code, finding_id from fct_findings where rule_id = 'TR-3'"
        )
    )
    warehouse.load(
        "stg_registers__decisions",
        [
            {
                "decision_code": "D1",
                "subject_kind": "finding",
                "subject_id": names["a.easy"],
                "action": "decline",
                "decided_on": date(2026, 6, 1),
            }
        ],
    )
    warehouse.run("int_findings_pruning", "fct_findings")
    assert found(warehouse, "P-3") == {("P-3", "a.easy", None)}
