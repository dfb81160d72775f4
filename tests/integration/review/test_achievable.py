"""Is a target achievable: lines from the record, votes, verdicts and proposals."""

from __future__ import annotations

from datetime import date

import numpy
import pytest

from tests.helpers.review_rows import kpi, month, months, target
from tests.helpers.warehouse import Warehouse

# Twelve months of a duration; median 120, all without a trend.
RECORD = [122, 118, 121, 119, 124, 117, 120, 123, 118, 121, 119, 120]
FROM_SERIES = (
    "int_kpi_defaults",
    "int_review_history",
    "int_review_trends",
    "int_review_cases",
    "int_review_benchmarks",
    "int_review_levels",
    "int_target_lines",
    "int_target_proposals",
    "int_targets_judged",
    "fct_target_checks",
)


def checks(warehouse: Warehouse, *columns: str) -> dict[tuple[str, float], tuple]:
    """(KPI, target) to columns of its check."""
    found = warehouse.rows(
        f"select kpi_code, target, {', '.join(columns)} from fct_target_checks"
    )
    return {(code, value): tuple(rest) for code, value, *rest in found}


def candidates(code: str, values: list[float], **more) -> list[dict]:
    """One target row per value; their order in time does not matter here."""
    return [
        target(code, value, valid_from=date(2026, 1, day), phase="planned", **more)
        for day, value in enumerate(values, start=1)
    ]


@pytest.mark.proves("A-1")
def test_120_to_100_passes_and_30_is_rejected(warehouse: Warehouse) -> None:
    """Worked by hand for twelve months around 120 and a look of half a year.

    Best tenth of months: 118.0. Mean 120.1667 less 2.66 times the mean moving range
    38/11: 110.978. To an ideal of 0 with a half-life of 9 months: 120 · 2^(-6/9) =
    75.595. Without an ideal the best twentieth of 5,000 lognormal cases (mean 120,
    coefficient of variation .5) takes its place: 94.06; their best quarter is 77.67,
    their best tenth 59.3.
    """
    spread = numpy.sqrt(numpy.log(1.25))
    drawn = numpy.random.default_rng(0).lognormal(
        numpy.log(120) - spread**2 / 2, spread, 5000
    )
    warehouse.load("dim_kpis", [kpi("a.ideal", ideal=0.0), kpi("a.cases", scale=1e-6)])
    warehouse.load(
        "int_review_series", months("a.ideal", RECORD) + months("a.cases", RECORD)
    )
    with warehouse.connect() as connection:
        connection.execute(
            "insert into fct_kpi_observations "
            "(kpi_code, subject_id, segment_code, measured_on, numerator, "
            "denominator, state) "
            "select 'a.cases', 'case', 'x', ?, unnest(?::bigint[]), 1, 'counted'",
            [month(3), [round(1e6 * value) for value in drawn.tolist()]],
        )
    warehouse.load(
        "dim_kpi_targets",
        candidates("a.ideal", [125, 110, 100, 70, 30])
        + candidates("a.cases", [118, 110, 100, 80, 60, 30]),
    )
    warehouse.run(*FROM_SERIES)

    lines = checks(warehouse, "line_best_tenth", "line_limit", "line_ideal")
    assert lines["a.ideal", 100] == pytest.approx((118.0, 110.978, 75.595), abs=5e-4)
    assert lines["a.cases", 100][2] == pytest.approx(94.06, abs=5e-3)
    cases = checks(warehouse, "line_best_cases", "best_tenth_of_cases")
    assert cases["a.cases", 100] == pytest.approx((77.67, 59.3), abs=5e-2)
    assert checks(warehouse, "verdict", "votes", "is_high_risk") == {
        ("a.ideal", 125): ("too_easy", 3, False),
        ("a.ideal", 110): ("stretch", 1, False),
        ("a.ideal", 100): ("stretch", 1, False),
        ("a.ideal", 70): ("unachievable", 0, False),
        ("a.ideal", 30): ("unachievable", 0, False),
        ("a.cases", 118): ("realistic", 4, False),
        ("a.cases", 110): ("realistic", 2, False),
        ("a.cases", 100): ("realistic", 2, False),
        ("a.cases", 80): ("stretch", 1, False),
        ("a.cases", 60): ("stretch", 0, True),
        ("a.cases", 30): ("unachievable", 0, False),
    }


def test_a_limit_that_the_measure_cannot_reach_proposes_nothing(
    warehouse: Warehouse,
) -> None:
    """2 and 18 in turn: mean 10 less 2.66 · 16 is below nought, which no time can be.

    The best tenth is 2, towards the ideal 10 · 2^(-6/9) = 6.2996: with a third line at
    nought, 2 would have company and be proposed. Between 9 and 11 the limit is
    10 - 2.66 · 2 = 4.68, the most ambitious line of three.
    """
    warehouse.load(
        "dim_kpis", [kpi(code, ideal=0.0) for code in ("a.wild", "a.noisy", "a.calm")]
    )
    warehouse.load(
        "int_review_series",
        months("a.wild", [2, 18] * 6)
        + months("a.noisy", [8, 12] * 6)
        + months("a.calm", [9, 11] * 6),
    )
    warehouse.run(*FROM_SERIES)
    found = warehouse.rows(
        "select kpi_code, line_limit, line_best_tenth, round(line_ideal, 4), "
        "proposed_value from int_target_lines "
        "inner join int_target_proposals using (kpi_code) order by kpi_code"
    )
    assert found == [
        ("a.calm", 4.68, 9.0, 6.2996, 6.3),
        ("a.noisy", 0.0, 8.0, 6.2996, 8.0),
        ("a.wild", 0.0, 2.0, 6.2996, 6.3),
    ]


def test_targets_that_cannot_be_judged_are_named_so(warehouse: Warehouse) -> None:
    """Below 0 minutes, five months only, and a single line (nothing but chance)."""
    warehouse.load(
        "dim_kpis", [kpi("a.bound"), kpi("a.short", ideal=0.0), kpi("a.none")]
    )
    warehouse.load(
        "int_review_series", months("a.bound", RECORD) + months("a.short", RECORD[:5])
    )
    warehouse.load(
        "dim_kpi_targets",
        candidates("a.bound", [-1])
        + candidates("a.short", [100])
        + candidates("a.none", [100]),
    )
    warehouse.run(*FROM_SERIES)
    assert checks(warehouse, "verdict") == {
        ("a.bound", -1): ("invalid",),
        ("a.short", 100): ("insufficient",),
        ("a.none", 100): ("insufficient",),
    }


def test_two_lines_make_a_target_realistic_one_or_none_a_stretch(
    warehouse: Warehouse,
) -> None:
    """Lines given: a share at .9625 with lines at .9659, .9758, .9851 and .975."""
    warehouse.load("dim_kpis", [kpi("a.rate", direction="higher", bound_max=1.0)])
    values = [0.96, 0.97, 0.98, 0.995, 1.0]
    rows = candidates("a.rate", values)
    for row in rows:
        row["target_min"], row["target_max"] = row["target_max"], None
    warehouse.load("dim_kpi_targets", rows)
    given = {
        "kpi_code": "a.rate",
        "segment_code": "all",
        "months_left": 6.0,
        "goodness": 1,
        "periods": 12,
        "level": 0.9625,
        "line_best_tenth": 0.9659,
        "line_limit": 0.9758,
        "line_ideal": 0.9851,
        "line_benchmark": 0.975,
        "best_period": 0.97,
    }
    starts = [row["valid_from"] for row in rows]
    warehouse.load("int_target_lines", [given | {"valid_from": on} for on in starts])
    warehouse.run("int_targets_judged", "fct_target_checks")
    found = checks(warehouse, "verdict")
    assert [found["a.rate", value][0] for value in values] == [
        "too_easy",
        "realistic",
        "stretch",
        "unachievable",
        "unachievable",
    ]


def test_proposals_are_round_but_never_what_is_there_already(
    warehouse: Warehouse,
) -> None:
    """The second most ambitious line, two digits towards the level; a third digit
    where two would reach it: 9.194 and 6.142 at 9.75 give 9.2, 119.6 at 119.9 stays.
    """
    lines = {"segment_code": "all", "valid_from": None, "periods": 12}
    lines["is_limit_possible"] = True
    warehouse.load(
        "int_target_lines",
        [
            {"kpi_code": "a", "goodness": -1, "level": 9.75, **lines}
            | {"line_best_tenth": 9.6, "line_limit": 9.194, "line_ideal": 6.142},
            {"kpi_code": "b", "goodness": -1, "level": 119.9, **lines}
            | {"line_best_tenth": 119.6, "line_limit": 110.0, "line_ideal": None},
            {"kpi_code": "c", "goodness": 1, "level": 96.2, **lines}
            | {"line_best_tenth": 96.1, "line_limit": 99.0, "line_ideal": None},
        ],
    )
    warehouse.run("int_target_proposals")
    found = dict(
        warehouse.rows("select kpi_code, proposed_value from int_target_proposals")
    )
    assert found == {"a": 9.2, "b": 119.6, "c": None}
