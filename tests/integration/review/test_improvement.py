"""Did an intervention work: weeks before against weeks after, and what it cost."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pytest

from tests.helpers.review_rows import kpi
from tests.helpers.warehouse import Warehouse

START = date(2026, 1, 5)
VERIFY = date(2026, 5, 31)
CASES = 100


def weekly(
    code: str,
    measure: str,
    before: tuple[float, float],
    after: tuple[float, float],
    weeks: tuple[int, int] = (12, 8),
    scale: float = 1.0,
) -> list[dict]:
    """Weeks that swing between two values, a hundred cases each."""
    values = [
        (number, phase, swing[number % 2])
        for phase, swing, count in (
            ("before", before, weeks[0]),
            ("after", after, weeks[1]),
        )
        for number in range(count)
    ]
    return [
        {
            "intervention_code": code,
            "kpi_code": measure,
            "week_start": START
            + timedelta(weeks=number if phase == "after" else number - weeks[0]),
            "phase": phase,
            "numerator": round(value * CASES / scale),
            "denominator": CASES,
        }
        for number, phase, value in values
    ]


def judge(
    warehouse: Warehouse, rows: dict[str, list[dict]], **more
) -> dict[str, tuple]:
    """Intervention to (verdict, effect, low, high)."""
    warehouse.load(
        "stg_registers__interventions",
        [
            {
                "intervention_code": code,
                "name_en": code,
                "name_zh": code,
                "process_code": "p",
                "kpi_code": f"a.{code}",
                "segment_code": "all",
                "starts_on": START,
                "verify_on": more.get("verify_on", VERIFY),
                "washout_days": 14,
                "min_effect": 5.0,
                "status": "running",
                "owner_code": "kpi_office",
            }
            for code in rows
        ],
    )
    names = sorted({row["kpi_code"] for weeks in rows.values() for row in weeks})
    # The step of a KPI ends with what its quality KPI begins with.
    steps = {"process_code": "p", "to_activity_code": "assign"}
    rates = {"measure_type": "rate", "scale": 100.0, "process_code": "p"}
    warehouse.load(
        "dim_kpis",
        [kpi(name, **(rates if name.endswith("_errors") else steps)) for name in names]
        + [
            kpi("a.accuracy", family="quality", direction="higher", **rates)
            | {"from_activity_code": "assign"}
        ],
    )
    warehouse.load(
        "stg_registers__kpi_counters",
        [
            {
                "kpi_code": name.removesuffix("_errors"),
                "counter_kpi_code": name,
                "valid_from": date(2025, 1, 1),
                "harm_margin": 1.0,
            }
            for name in names
            if name.endswith("_errors")
        ],
    )
    warehouse.load(
        "fct_kpi_values",
        [{"kpi_code": name, "data_as_of": datetime(2026, 6, 30, 16)} for name in names],
    )
    warehouse.load(
        "int_intervention_weeks", [row for weeks in rows.values() for row in weeks]
    )
    warehouse.run(
        "int_kpi_defaults",
        "int_intervention_effects",
        "fct_improvement_checks",
        "int_kpi_moves",
        "int_findings_improvements",
    )
    found = warehouse.rows(
        "select intervention_code, verdict, effect, effect_low, effect_high "
        "from fct_improvement_checks"
    )
    return {code: tuple(rest) for code, *rest in found}


@pytest.mark.proves("V-1")
def test_an_effect_counts_if_whole_weeks_agree_and_nothing_else_suffers(
    warehouse: Warehouse,
) -> None:
    """Twelve weeks at 118 and 122 against eight at 98 and 102: -20, and whatever weeks
    are drawn, the means stay within 118 … 122 and 98 … 102, so within -24 … -16.

    Minutes 30 to 15 while errors rise from 2 % to 5 %, one point tolerated: paid for.
    """
    level = (118, 122)
    found = judge(
        warehouse,
        {
            "better": weekly("better", "a.better", level, (98, 102)),
            "worse": weekly("worse", "a.worse", level, (138, 142)),
            "same": weekly("same", "a.same", level, level),
            "unclear": weekly("unclear", "a.unclear", (100, 140), (95, 135)),
            "few": weekly("few", "a.few", level, (98, 102), (12, 3)),
            "paid": weekly("paid", "a.paid", (29, 31), (14, 16))
            + weekly("paid", "a.paid_errors", (1, 3), (5, 5), scale=100),
            "free": weekly("free", "a.free", (29, 31), (14, 16))
            + weekly("free", "a.free_errors", (1, 3), (2, 2), scale=100),
        },
    )
    assert {code: facts[0] for code, facts in found.items()} == {
        "better": "verified",
        "worse": "harmful",
        "same": "no_effect",
        "unclear": "inconclusive",
        "few": "insufficient",
        "paid": "traded_off",
        "free": "verified",
    }
    _, effect, low, high = found["better"]
    assert effect == -20
    assert -24 <= low < -20 < high <= -16
    changes = dict(
        warehouse.rows(
            "select json_extract_string(evidence, '$.intervention'), proposed_change "
            "from int_findings_improvements"
        )
    )
    ((change),) = json.loads(changes["paid"])
    assert (change["key"]["kpi_code"], change["new"]) == ("a.accuracy", "core")


def test_what_was_improving_already_proves_nothing(warehouse: Warehouse) -> None:
    rows = weekly("late", "a.late", (118, 122), (98, 102))
    for number, row in enumerate(rows[:12]):
        row["numerator"] = (140 - 2 * number) * CASES
    assert judge(warehouse, {"late": rows})["late"][0] == "inconclusive"


def test_an_intervention_is_judged_when_data_reaches_its_day(
    warehouse: Warehouse,
) -> None:
    """Data reaches the end of June 30: due on the 30th, not yet due on July 1."""
    rows = {"better": weekly("better", "a.better", (118, 122), (98, 102))}
    early = judge(warehouse, rows, verify_on=date(2026, 7, 1))
    assert early["better"][0] == "not_yet_due"
    assert not warehouse.rows("from int_findings_improvements")
    due = judge(warehouse, rows, verify_on=date(2026, 6, 30))
    assert due["better"][0] == "verified"
