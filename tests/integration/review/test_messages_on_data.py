"""Every message of the review and the alerts, written by the models on given verdicts.

Each rule is given at least one verdict of each kind, with figures that have signs, long
fractions and blanks where real ones have. Those of SMART are in `test_smart`.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from tests.helpers.messages import faults, unspoken
from tests.helpers.review_rows import kpi, month, target
from tests.helpers.warehouse import Warehouse

LONG = 103.2712345
DAY = date(2026, 6, 1)
FIELD = "helpdesk.complaint_events.deadline"
REASONS = ("late_data", "source_correction", "definition_change", "bugfix")
STALE = ("gate_failed", "refused", "late", "never_delivered", "grade_d")
KINDS = ("target_", "conflict_", "improvement_", "prune_", "core_", "map_")
KINDS += ("behaviour_", "restatement_")
FINDINGS = (
    *("int_kpi_defaults", "int_kpi_target_baselines", "dim_kpi_targets"),
    *("int_kpi_moves", "int_target_verdicts", "int_findings_targets"),
    *("int_findings_conflicts", "int_findings_improvements", "int_kpi_silences"),
    *("int_findings_pruning", "int_findings_core", "int_findings_behaviour"),
    *("int_findings_map", "int_findings_publications", "int_review_labels"),
    "fct_findings",
)


def named(code: str, **more: Any) -> dict[str, Any]:
    """A KPI with names as people give them."""
    return kpi(code, **{"name_en": "Dispatch time", "name_zh": "分派时效", **more})


def review(code: str, rule: str, verdict: str, proposed: float | None) -> dict:
    return {
        "kpi_code": code,
        "segment_code": "all",
        "rule_id": rule,
        "verdict": verdict,
        "strength": "strong" if rule == "TR-1" else None,
        "since": DAY,
        "valid_from": date(2025, 1, 1),
        "target": 100.0,
        "current_value": LONG,
        "benchmark": 80.0 if rule == "TR-1" else None,
        "proposed_value": proposed,
        "p_hit": 13 / 14,
        "hits_running": 12,
        "misses_running": 6,
    }


def improvement(verdict: str) -> dict[str, Any]:
    """An intervention on a rate that fell; of the last verdict nothing is known."""
    row = {
        "intervention_code": "auto_dispatch",
        "kpi_code": f"v.{verdict}",
        "segment_code": "all",
        "verify_on": DAY,
        "verdict": verdict,
        "min_effect": 10.0,
        "weeks_before": 2,
        "weeks_after": 0,
        "counter_kpi_code": "c.counter" if verdict == "traded_off" else None,
        "counter_effect": -1.234567 if verdict == "traded_off" else None,
        "harm_margin": 1.0,
    }
    figures = {"value_before": 75.0, "value_after": LONG, "effect": -28.2712345}
    figures |= {"effect_low": -30.123456, "effect_high": -2.5}
    return {**row, **(dict.fromkeys(figures) if verdict == "insufficient" else figures)}


def silent(warehouse: Warehouse) -> None:
    """KPIs that never move, are unused, of grade D, ownerless, or were kept easy."""
    warehouse.load(
        "fct_kpi_status",
        [
            {
                "kpi_code": code,
                "segment_code": "all",
                "process_code": "collaboration",
                "period_start": month(number),
                "value": value(number),
                "sigma": 2.0,
                "is_final": True,
                "reliability_grade": grade,
            }
            for code, grade, value in (
                ("p.flat", "A", lambda number: number % 2),
                ("p.grade_d", "D", lambda number: number),
                ("b.does", "A", lambda number: 80 + LONG * (number >= 8)),
                ("b.brings", "A", lambda number: 5),
            )
            for number in range(12)
        ],
    )
    easy = "|".join(("TR-3", "t.monitor", "", "", "", "all", str(DAY)))
    rows = [
        ("kpi", "p.unused", "close_cycle", date(2025, 12, 1)),
        ("kpi", "p.unused", "close_cycle", date(2026, 6, 1)),
        ("finding", hashlib.sha256(easy.encode()).hexdigest()[:12], "decline", DAY),
    ]
    warehouse.load(
        "stg_registers__decisions",
        [
            {"decision_code": f"D{n}", "subject_kind": kind, "subject_id": subject}
            | {"action": action, "decided_on": day}
            for n, (kind, subject, action, day) in enumerate(rows)
        ],
    )


def alike(warehouse: Warehouse) -> None:
    """One pair with equal parts, one that moves alike; and what a pair may cost."""
    warehouse.load(
        "int_kpi_redundancy",
        [
            {"kpi_code": "p.one", "other_kpi_code": "p.two", "periods": 12}
            | {"rho": 1.0, "is_equal": True},
            {"kpi_code": "p.three", "other_kpi_code": "p.two", "periods": 12}
            | {"rho": -0.9123456, "is_equal": False},
        ],
    )
    warehouse.load(
        "fct_counter_checks",
        [
            {"kpi_code": "c.kpi", "counter_kpi_code": counter, "verdict": verdict}
            | {"weeks": 12, "first_week": DAY, "last_week": DAY}
            | {"kpi_change": -37.0312345, "counter_change": -0.1801234}
            for counter, verdict in (
                ("c.counter", "trade_off"),
                ("c.heavier", "co_occurring"),
                ("c.heaviest", "trade_off"),
            )
        ],
    )
    warehouse.load("fct_improvement_checks", [improvement(v) for v in VERDICTS])


OWNER = ("owner_code", "name_en", "name_zh", "valid_from", "valid_to")
VERDICTS = ("verified", "traded_off", "harmful", "no_effect", "inconclusive")
VERDICTS += ("insufficient",)
TARGETS = [
    review("t.raise", "TR-1", "raise", 90.0),
    review("t.hard", "TR-2", "too_hard", 110.0),
    review("t.keep", "TR-2", "too_hard", None),
    review("t.easy", "TR-3", "too_easy", 90.123456),
    review("t.monitor", "TR-3", "too_easy", None),
    review("t.stale", "TR-4", "stale", None),
]
CORE = {"tier": "core", "process_code": "collaboration"}
KPIS = [
    *(named(row["kpi_code"]) for row in TARGETS),
    *(named(f"t.{verdict}") for verdict in ("unachievable", "invalid")),
    *(named(f"v.{v}", unit="pct", measure_type="rate") for v in VERDICTS),
    named("c.kpi", unit="seconds"),
    named("c.counter", unit="score", process_code="collaboration"),
    named("c.heavier", **CORE, objective_code="g"),
    named("c.other", **CORE, objective_code="g", weight=3.0),
    named("c.heaviest", **CORE, objective_code="alone"),
    *(named(f"p.{n}", process_code="p") for n in ("one", "two", "three", "flat")),
    *(named(f"p.{n}") for n in ("unused", "grade_d")),
    named("p.gone", owner_code="left", name_en="Gone", name_zh="离职"),
    named("b.does", kind="behaviour", process_code="collaboration", direction="higher"),
    named("b.brings", process_code="collaboration", direction="higher"),
]


@pytest.fixture
def spoken(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    """(rule, English, Chinese) of all findings."""
    warehouse.load("dim_kpis", KPIS)
    codes = [row["kpi_code"] for row in KPIS if row["kpi_code"].startswith("t.")]
    warehouse.load("stg_registers__kpi_targets", [target(code, 100) for code in codes])
    warehouse.load("fct_target_reviews", TARGETS)
    warehouse.load(
        "fct_target_checks",
        [
            {"kpi_code": f"t.{verdict}", "segment_code": "all", "phase": "planned"}
            | {"valid_from": date(2025, 1, 1), "verdict": verdict, "target": 30.0}
            | {"unit": "minutes", "level": LONG, "best_reach": 59.3123456}
            | {"proposed_value": 94.0, "votes": 0, "lines": 4}
            for verdict in ("unachievable", "invalid")
        ],
    )
    alike(warehouse)
    silent(warehouse)
    known = warehouse.rows(f"select {', '.join(OWNER)} from stg_registers__owners")
    left = {"owner_code": "left", "name_en": "Former lead", "name_zh": "前主管"}
    left |= {"valid_from": date(2025, 1, 1), "valid_to": date(2026, 3, 1)}
    warehouse.load(
        "stg_registers__owners",
        [*(dict(zip(OWNER, row, strict=True)) for row in known), left],
    )
    warehouse.load(
        "fct_core_checks",
        [
            {"process_code": "orders", "rule_id": rule, "is_kept": False}
            | {"since": DAY, "found": found, "names": names}
            for rule, found, names in (
                ("K-1", 4, None),
                ("K-2", 0, None),
                ("K-3", None, "c.kpi, t.raise"),
                ("K-4", None, "c.kpi"),
                ("B-1", 1, "pick, pack"),
            )
        ],
    )
    warehouse.load(
        "int_complaints__outputs",
        [
            {"process_code": "complaints", "activity_code": "assign"}
            | {"field_code": FIELD, "completions": 3, "filled": 2}
        ],
    )
    warehouse.load(
        "fct_process_map_steps",
        [
            {"process_code": "quality", "activity_code": "investigate"}
            | {"map_state": "never_seen", "process_instance_count": 9}
        ],
    )
    warehouse.load(
        "int_publication_changes",
        [
            {"kpi_code": "c.kpi", "segment_code": "all", "period_grain": "month"}
            | {"period_start": month(number), "latest_value": 4.0, "value": LONG}
            | {"reason": reason, "is_held_back": True}
            for number, reason in enumerate(REASONS)
        ],
    )
    warehouse.run(*FINDINGS)
    return warehouse.rows("select rule_id, message_en, message_zh from fct_findings")


def test_every_finding_reads_well_in_both_languages(
    spoken: list[tuple[str, str, str]],
) -> None:
    bad = [(rule, faults(en, zh)) for rule, en, zh in spoken if faults(en, zh)]
    assert bad == []
    assert unspoken(KINDS, (english for _, english, _ in spoken)) == set()
    texts = {english for _, english, _ in spoken}
    # Figures and their units as one says them: no sign where a word says it already.
    assert (
        "Dispatch time got better by 37.03 seconds while Dispatch time got worse by "
        "0.18 points in the weeks from 2026-06-01 to 2026-06-01 (week by week, one at "
        "the expense of the other). Make Dispatch time a core KPI."
    ) in texts
    assert any("a change of -28.27 percentage points" in text for text in texts)
    assert any("from 75 to 103.27 %" in text for text in texts)


def alert(number: int, rule: str, decision: str, **more: Any) -> dict[str, Any]:
    return {
        "kpi_code": f"a.k{number}",
        "segment_code": "all",
        "rule_id": rule,
        "side": "high",
        "fingerprint": f"{number:012}",
        "period_grain": "month",
        "period_start": DAY,
        "period_end": date(2026, 7, 1),
        "value": LONG,
        "n": 42,
        "n_min": 10,
        "limit_value": 100.123456,
        "bound_value": 99.0123456,
        "decision": decision,
        "alert_state": "normal",
        "onset_on": date(2026, 5, 1),
        "is_held": False,
        **more,
    }


STATES = [
    *product(("limit", "signal"), ("fired", "already_open", "pending", "no_breach")),
    *(("limit", one) for one in ("no_evidence", "below_n_min", "provisional")),
    *(("limit", "provisional"), ("signal", "no_history"), ("limit", "fired")),
    ("limit", "fired"),
]


def test_every_answer_why_an_alert_fired_or_not_reads_well(
    warehouse: Warehouse,
) -> None:
    """Each decision once; then one put off, one of a proposed KPI, one without a value,
    one without any data, and one held for each reason.
    """
    rows = [alert(number, *state) for number, state in enumerate(STATES)]
    rows[11]["value"] = None
    put_off, proposed, empty = "a.k13", "a.k14", "a.empty"
    held = {f"a.held_{reason}": reason for reason in STALE}
    warehouse.load("fct_alert_states", rows)
    warehouse.load(
        "dim_kpis",
        [
            named(code, status="proposed" if code == proposed else "active")
            for code in (*(row["kpi_code"] for row in rows), empty, *held)
        ],
    )
    warehouse.load(
        "int_kpi_data_states",
        [
            {"kpi_code": row["kpi_code"], "is_held": False, "held_reason": None}
            | {"data_as_of": datetime(2026, 6, 30, 16)}
            for row in (*rows, {"kpi_code": empty})
        ]
        + [
            {"kpi_code": code, "is_held": True, "held_reason": reason}
            | {"data_as_of": datetime(2026, 6, 29, 16)}
            for code, reason in held.items()
        ],
    )
    warehouse.load(
        "fct_kpi_values",
        [
            {"kpi_code": empty, "period_grain": "month", "segment_code": "all"}
            | {"period_start": DAY, "period_end": date(2026, 7, 1)}
            | {"state": "not_measurable", "state_reason": "no_subjects"}
        ],
    )
    warehouse.load(
        "stg_registers__decisions",
        [
            {"decision_code": "D1", "subject_kind": "alert", "action": "snooze"}
            | {"subject_id": f"{int(put_off[3:]):012}", "decided_on": DAY}
            | {"until": DAY + timedelta(days=60)}
        ],
    )
    warehouse.run("int_review_labels", "fct_alert_evaluations")
    spoken = warehouse.rows(
        "select decision, sentence_en, sentence_zh from fct_alert_evaluations"
    )
    assert [(one, faults(en, zh)) for one, en, zh in spoken if faults(en, zh)] == []
    assert unspoken(["alert_"], (english for _, english, _ in spoken)) == set()
