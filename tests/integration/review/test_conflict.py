"""A KPI that gets better while its counter metric gets worse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy
import pytest

from tests.helpers.review_rows import kpi
from tests.helpers.warehouse import Warehouse

SECONDS = [300, 296, 298, 290, 285, 288, 280, 276, 278, 270, 266, 262]
RATINGS = [4.60, 4.62, 4.58, 4.59, 4.55, 4.57, 4.52, 4.50, 4.51, 4.46, 4.44, 4.45]
MONDAY = date(2026, 1, 5)


def weeks(
    code: str, values: Sequence[float], counters: Sequence[float], goodness: int = 1
) -> list[dict]:
    """Common weeks of a KPI, lower is better, and its counter metric."""
    return [
        {
            "kpi_code": code,
            "counter_kpi_code": f"{code}_counter",
            "period_start": MONDAY + timedelta(weeks=number),
            "kpi_goodness": -1,
            "kpi_value": value,
            "counter_goodness": goodness,
            "counter_value": counter,
        }
        for number, (value, counter) in enumerate(zip(values, counters, strict=True))
    ]


def check(warehouse: Warehouse, pairs: list[list[dict]]) -> dict[str, tuple]:
    """KPI to (verdict, its figures) of pairs declared without own margins."""
    codes = [pair[0]["kpi_code"] for pair in pairs]
    warehouse.load(
        "dim_kpis",
        [kpi(code) for code in codes] + [kpi(f"{code}_counter") for code in codes],
    )
    warehouse.load(
        "stg_registers__kpi_counters",
        [
            {
                "kpi_code": code,
                "counter_kpi_code": f"{code}_counter",
                "valid_from": date(2025, 1, 1),
            }
            for code in codes
        ],
    )
    warehouse.load("int_counter_weeks", [row for pair in pairs for row in pair])
    warehouse.run(
        "int_kpi_defaults",
        "int_counter_trends",
        "fct_counter_checks",
        "int_kpi_moves",
        "int_findings_conflicts",
    )
    found = warehouse.rows(
        "select checks.kpi_code, verdict, checks.kpi_tau, checks.kpi_p_value, "
        "checks.counter_tau, checks.counter_p_value, checks.kpi_change, "
        "checks.kpi_sigma, checks.counter_change, checks.counter_sigma, checks.rho "
        "from fct_counter_checks as checks"
    )
    return {code: tuple(rest) for code, *rest in found}


@pytest.mark.proves("C-1")
def test_shorter_calls_against_satisfaction_are_a_trade_off(
    warehouse: Warehouse,
) -> None:
    """Twelve weeks of handling time and ratings; figures from scipy, without models.

    Beside it: the same trends in other weeks' steps only co-occur, a counter metric
    that rises is none, one that falls by less than 3 % neither, and seven weeks are
    too few.
    """
    smooth = [4.6 - 0.016 * week for week in range(12)]
    found = check(
        warehouse,
        [
            weeks("a.calls", SECONDS, RATINGS),
            weeks("a.smooth", SECONDS, smooth),
            weeks("a.rising", SECONDS, RATINGS[::-1]),
            weeks("a.slight", SECONDS, [4.6 - 0.01 * week for week in range(12)]),
            weeks("a.short", SECONDS[:7], RATINGS[:7]),
            # Fewer complaints are better: a rising counter is the bad one.
            weeks("a.errors", SECONDS, RATINGS[::-1], goodness=-1),
        ],
    )
    verdicts = {code: facts[0] for code, facts in found.items()}
    assert verdicts == {
        "a.calls": "trade_off",
        "a.smooth": "co_occurring",
        "a.rising": "none",
        "a.slight": "none",
        "a.short": "insufficient",
        "a.errors": verdicts["a.errors"],
    }
    assert verdicts["a.errors"] in {"trade_off", "co_occurring"}
    tau, p_value, counter_tau, counter_p_value, *changes = found["a.calls"][1:]
    assert (tau, counter_tau) == pytest.approx((0.9091, -0.8485), abs=5e-5)
    assert p_value == pytest.approx(7.3e-7, rel=0.01)
    assert counter_p_value == pytest.approx(8.2e-6, rel=0.01)
    change, sigma, counter_change, counter_sigma, rho = changes
    assert change == pytest.approx(-37.03, abs=5e-3)
    assert sigma == pytest.approx(4.19, abs=5e-3)
    assert counter_change == pytest.approx(-0.180, abs=5e-4)
    assert counter_sigma == pytest.approx(0.0234, abs=5e-5)
    assert rho == pytest.approx(-0.541, abs=5e-4)
    proposals = dict(
        warehouse.rows(
            "select kpi_code, json_extract_string(proposed_change, '$[0].new') "
            "from int_findings_conflicts"
        )
    )
    assert proposals["a.calls"] == "core"


@pytest.mark.proves("noise")
def test_two_hundred_pairs_of_noise_hold_no_conflict(warehouse: Warehouse) -> None:
    """Half a year of noise around flat levels; one false finding in ten is allowed."""
    draw = numpy.random.default_rng(0).normal
    pairs = [
        weeks(f"a.k{number}", draw(300, 10, 26).tolist(), draw(4.5, 0.3, 26).tolist())
        for number in range(200)
    ]
    found = check(warehouse, pairs)
    assert len(found) == 200
    assert {facts[0] for facts in found.values()} == {"none"}
