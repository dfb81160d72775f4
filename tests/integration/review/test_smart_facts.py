"""What the SMART checks ask about a KPI, worked by hand, and each join seen to matter.

One KPI has something to be found in every table, beside rows that must not count; three
others have only such rows, or none.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from tests.helpers.defects import Models, compiled
from tests.helpers.review_rows import kpi, month
from tests.helpers.warehouse import Warehouse

LONG_AGO = date(2024, 1, 1)
GONE = {"valid_from": LONG_AGO, "valid_to": date(2026, 1, 1)}
HERE = {"valid_from": LONG_AGO, "valid_to": None}
MODEL = "int_smart_facts"


def periods() -> list[dict[str, Any]]:
    """Nine months to June 2026, and July, which is not over; June is not final.

    Subjects 10, 20 … 80 in the last eight that are over: the median is 45. Two of them
    have no value. In May 47 of 50 turned out one way, so 3 the other.
    """
    rows = []
    for place, n in enumerate([7, 10, 20, 80, 40, 50, 60, 70, 30, 999]):
        number = 9 + place
        rows.append(
            {
                "kpi_code": "a.full",
                "segment_code": "all",
                "period_start": month(number),
                "period_end": month(number + 1),
                "value": None if place in (0, 3, 4) else 1.0,
                "n": n,
                "n_min": 10,
                "numerator": 47 if place < 8 else n - 1,
                "denominator": 50 if place < 8 else n,
                "is_final": place < 8,
                "is_stale": place < 8,
                "data_as_of": datetime(2026, 6, place + 1),
                "reliability_grade": "B" if place == 8 else "D",
            }
        )
    return [*rows, {**rows[8], "segment_code": "web", "n": 1, "is_final": True}]


def targets() -> list[dict[str, Any]]:
    """The target in force, one of a segment, and the one before it."""
    row = {"kpi_code": "a.full", "segment_code": "all", "valid_from": date(2026, 1, 1)}
    row |= {"phase": "in_force", "target_max": 30.0, "change_type": "level"}
    return [
        row,
        {**row, "segment_code": "web", "target_max": 5.0},
        {**row, "valid_from": LONG_AGO, "phase": "past", "target_max": 60.0},
    ]


def step(process: str, activity: str, number: int, unit: str, **more: Any) -> dict:
    row = {"process_code": process, "activity_code": activity, "step_no": number}
    return {**row, "org_unit_code": unit, "is_retired": False, **more}


# Tables, and their rows; what is not meant to be found stands beside what is.
ROWS: dict[str, list[dict[str, Any]]] = {
    "dim_kpis": [
        kpi(
            "a.full",
            **{"process_code": "p", "owner_code": "lead", "objective_code": "g.team"},
            **{"from_activity_code": "receive", "to_activity_code": "ship"},
        ),
        kpi(
            "a.lost",
            **{"process_code": "p", "owner_code": "lead", "objective_code": "g.team"},
            **{"from_activity_code": "retired", "to_activity_code": "elsewhere"},
            weight=3.0,
        ),
        kpi("a.other", objective_code="g.orphan", weight=10.0),
        kpi("a.plan", objective_code="g.team", weight=5.0, status="proposed"),
        kpi("a.gone", status="retired"),
    ],
    "fct_kpi_status": periods(),
    # Of 100 subjects that are decided, 5 lack a time; those withdrawn lack nothing.
    "fct_kpi_daily": [
        {"kpi_code": "a.full", "state": state, "exclusion_reason": reason}
        | {"subject_count": count}
        for state, reason, count in (
            ("counted", None, 90),
            ("excluded", "missing_milestone", 3),
            ("excluded", "reversed_clock", 2),
            ("excluded", "withdrawn", 5),
            ("open", None, 400),
        )
    ],
    "int_kpi_signals": [
        {"kpi_code": "a.full", "segment_code": segment, "period_start": month(number)}
        | {"moving_ranges": ranges}
        for segment, number, ranges in (("all", 9, 2), ("all", 10, 7), ("web", 11, 1))
    ],
    "dim_kpi_targets": targets(),
    "fct_target_checks": [
        {"kpi_code": "a.full", "segment_code": segment, "valid_from": valid_from}
        | {"verdict": verdict, "approver_code": approver}
        for segment, valid_from, verdict, approver in (
            ("all", date(2026, 1, 1), "stretch", "ceo"),
            ("web", date(2026, 1, 1), "unachievable", "nobody"),
            ("all", LONG_AGO, "realistic", "nobody"),
        )
    ],
    # Of four counter metrics one is in force and active.
    "stg_registers__kpi_counters": [
        {"kpi_code": "a.full", "counter_kpi_code": "a.lost", **HERE},
        {"kpi_code": "a.full", "counter_kpi_code": "a.other", **GONE},
        {"kpi_code": "a.full", "counter_kpi_code": "a.plan", **HERE},
        {"kpi_code": "a.full", "counter_kpi_code": "a.gone", **HERE},
    ],
    "int_kpi_redundancy": [
        {"kpi_code": one, "other_kpi_code": other, "periods": n, "is_equal": is_equal}
        for one, other, n, is_equal in (
            ("a.full", "a.lost", 3, True),
            ("a.a_short", "a.full", 2, True),
            ("a.a_unlike", "a.full", 9, False),
        )
    ],
    "stg_registers__objectives": [
        {"objective_code": code, "parent_code": parent, "level": level, **span}
        for code, parent, level, span in (
            ("g.team", "g.dep", "process", HERE),
            ("g.dep", "g.top", "department", HERE),
            ("g.top", None, "strategy", HERE),
            ("g.orphan", "g.half", "process", HERE),
            ("g.half", "g.ended", "department", HERE),
            ("g.ended", None, "strategy", GONE),
        )
    ],
    # Green drivers, red outcome: for three months, for all but the last, for two.
    "fct_objective_scores": [
        {"objective_code": f"of {code}", "outcome_kpi_code": code}
        | {"month_start": month(17 - age), "driver_score": driver}
        | {"outcome_attainment": 0.5}
        for code, drivers in (
            ("a.full", (0.95, 0.9, 0.95, 0.1)),
            ("a.lost", (0.8, 0.95, 0.95, 0.95)),
            ("a.other", (0.95, 0.95)),
        )
        for age, driver in enumerate(drivers)
    ],
    "dim_processes": [
        {"process_code": code, "timezone": zone}
        for code, zone in (("p", "Asia/Shanghai"), ("q", "Europe/Berlin"))
    ],
    "dim_process_steps": [
        step("p", "receive", 1, "squad"),
        step("p", "check", 2, "far"),
        step("p", "ship", 3, "team"),
        step("p", "after", 4, "far"),
        step("p", "retired", 5, "team", is_retired=True),
        step("q", "elsewhere", 1, "team"),
        step("q", "check", 2, "team"),
    ],
    # From receipt to shipping 30 + 50 + 20 seconds, of which the department has 50.
    "fct_process_steps": [
        {"process_code": process, "activity_code": activity}
        | {"service_elapsed_seconds": seconds}
        for process, activity, seconds in (
            *(("p", "receive", 10), ("p", "receive", 20), ("p", "check", 50)),
            *(("p", "ship", 20), ("p", "after", 1000), ("q", "check", 700)),
        )
    ],
    "stg_registers__org_units": [
        {"org_unit_code": code, "parent_code": parent, **span}
        for code, parent, span in (
            ("top", None, HERE),
            ("dep", "top", HERE),
            ("team", "dep", HERE),
            ("squad", "team", HERE),
            ("far", "top", HERE),
            # The other side belonged to the department once.
            ("far", "dep", GONE),
        )
    ],
    "dim_owners": [{"owner_code": "lead", "org_unit_code": "dep"}],
}
FOUND = {
    "a.full": {
        "timezone": "Asia/Shanghai",
        "has_from_step": True,
        "has_to_step": True,
        "periods": 8,
        "measurable_periods": 6,
        "median_n": 45.0,
        "n_min": 10,
        "is_stale": False,
        "data_as_of": datetime(2026, 6, 9),
        "grade": "B",
        "newest_end": date(2026, 7, 1),
        "newest_n": 30,
        "rarer_outcomes": 3,
        "complete_share": 0.95,
        "moving_ranges": 7,
        "has_target": True,
        "target_max": 30.0,
        "target_verdict": "stretch",
        "approver_code": "ceo",
        "counters": 1,
        "twin_code": "a.lost",
        "reaches_strategy": True,
        "weight_share": 0.25,
        "siblings": 2,
        "is_red_under_green": True,
        "controlled_share": 0.5,
    },
    "a.lost": {
        "timezone": "Asia/Shanghai",
        "has_from_step": False,
        "has_to_step": False,
        "twin_code": "a.full",
        "reaches_strategy": True,
        "weight_share": 0.75,
        "siblings": 2,
    },
    "a.other": {"weight_share": 1.0, "siblings": 1},
    "a.plan": {"reaches_strategy": True},
}
# What a KPI is where no table knows of it.
NOTHING = {
    **dict.fromkeys(FOUND["a.full"]),
    "has_from_step": True,
    "has_to_step": True,
    "periods": 0,
    "measurable_periods": 0,
    "is_stale": True,
    "grade": "D",
    "has_target": False,
    "counters": 0,
    "reaches_strategy": False,
    "is_red_under_green": False,
}
# What is right in the model, and a defect in its place.
DEFECTS = [
    ("segment_code = 'all' and period_end <=", "period_end <="),
    (
        "segment_code = 'all' and period_end <=",
        "segment_code = 'all' and period_start <=",
    ),
    ("periods.recency <= figures.smart_periods", "true"),
    ("filter (where periods.is_final)", ""),
    (
        "max(case when periods.recency = 1 and periods.is_stale",
        "max(case when is_stale",
    ),
    ("max(case when periods.recency = 1 then periods.n end)", "max(periods.n)"),
    ("count(periods.value) as", "count(*) as"),
    ("'missing_milestone',", ""),
    ("where state = 'counted' or state = 'excluded'", ""),
    ("arg_max(moving_ranges, period_start)", "min(moving_ranges)"),
    ("where segment_code = 'all'\n    group by", "group by"),
    ("phase = 'in_force' and segment_code = 'all'", "segment_code = 'all'"),
    ("phase = 'in_force' and segment_code = 'all'", "phase = 'in_force'"),
    ("targets.valid_from = checks.valid_from", "true"),
    ("targets.segment_code = checks.segment_code", "true"),
    ("counters.valid_to is null or counters.valid_to >", "true or counters.valid_to >"),
    ("and kpis.status = 'active'\n    where", "where"),
    ("where kpis.status <> 'retired'", ""),
    ("where alike.is_equal and", "where"),
    ("and alike.periods >= 3", ""),
    ("on kpis.kpi_code in (alike.kpi_code, ", "on kpis.kpi_code in ("),
    ("and (valid_to is null or valid_to >", "and (true or valid_to >"),
    ("or coalesce(grandparents.level = 'strategy', false)", ""),
    ("or coalesce(parents.level = 'strategy', false)", "or parents.level is not null"),
    ("where status = 'active' and objective_code is not null", ""),
    ("sum(weight) over (partition by objective_code)", "sum(weight) over ()"),
    ("count(*) over (partition by objective_code)", "count(*) over ()"),
    ("recent.recency <= figures.smart_goal_months", "true"),
    ("count(*) >= max(figures.smart_goal_months)", "true"),
    ("recent.driver_score >= figures.smart_driver_green", "true"),
    ("recent.outcome_attainment < figures.smart_outcome_red", "false"),
    ("between first_steps.step_no and last_steps.step_no", "is not null"),
    ("between_steps.process_code = steps.process_code", "true"),
    ("kpis.process_code = between_steps.process_code", "true"),
    ("owners.org_unit_code = units.above_code", "true"),
    ("units.above_code = org_units.org_unit_code", "false"),
    ("org_units.valid_to is null or org_units.valid_to >", "true or valid_to >"),
    ("not first_steps.is_retired", "first_steps.step_no > 0"),
    ("kpis.process_code = last_steps.process_code", "true"),
    ("kpis.process_code = processes.process_code", "true"),
]


@pytest.fixture
def facts(warehouse: Warehouse) -> Models:
    for table, rows in ROWS.items():
        warehouse.load(table, rows)
    return compiled(warehouse, MODEL)


def found(facts: Models) -> list[tuple[str, dict[str, Any]]]:
    names = list(NOTHING)
    rows = facts.warehouse.rows(
        f"select kpi_code, {', '.join(names)} from {MODEL} order by kpi_code"
    )
    return [(code, dict(zip(names, row, strict=True))) for code, *row in rows]


def test_each_fact_is_that_of_its_kpi_alone(facts: Models) -> None:
    expected = [(code, {**NOTHING, **told}) for code, told in FOUND.items()]
    facts.build()
    assert found(facts) == expected
    unseen = []
    for right, wrong in DEFECTS:
        facts.build(MODEL, right, wrong)
        if found(facts) == expected:
            unseen.append((right, wrong))
    assert unseen == []
