"""Verdicts on rates, from counts to status, through the models that make them."""

from __future__ import annotations

import pytest

from tests.helpers.warehouse import Warehouse

FROM_COUNTS = ("int_kpi_intervals", "int_kpi_signals", "fct_kpi_status")


def rate(code: str, hits: int, trials: int, **more) -> dict:
    """A final monthly rate in percent, as `int_review_series` has it."""
    value = 100 * hits / trials
    row = {
        "kpi_code": code,
        "segment_code": "all",
        "period_start": "2026-03-01",
        "measure_type": "rate",
        "goodness": 1,
        "scale": 100,
        "value": value,
        "highest_value": value,
        "lowest_value": value,
        "numerator": hits,
        "denominator": trials,
        "n": trials,
        "n_min": 1,
        "state": "final",
        "is_final": True,
        "is_stale": False,
        "epoch": 1,
        "target_min": None,
        "target_max": None,
        "alarm_min": None,
        "alarm_max": None,
    }
    return {**row, **more}


@pytest.mark.proves("status")
def test_an_alarm_on_a_rate_is_confirmed_only_by_its_one_sided_bound(
    warehouse: Warehouse,
) -> None:
    """Least returns that prove more than 5 %, from binomial tables: 3 of 20, 4 of 30,
    6 of 50, 9 of 100, 16 of 200, 34 of 500; and 91 of 100 proves less than 95 %.
    """
    least = {20: 3, 30: 4, 50: 6, 100: 9, 200: 16, 500: 34}
    returns = {"target_max": 5, "alarm_max": 5, "goodness": -1}
    shipped = {"target_min": 95, "alarm_min": 95}
    warehouse.load(
        "int_review_series",
        [rate(f"yes_{n}", hits, n, **returns) for n, hits in least.items()]
        + [rate(f"no_{n}", hits - 1, n, **returns) for n, hits in least.items()]
        + [rate("yes_ship", 91, 100, **shipped), rate("no_ship", 92, 100, **shipped)],
    )
    warehouse.run(*FROM_COUNTS)
    found = warehouse.rows(
        "select kpi_code, status, alarm_evidence from fct_kpi_status"
    )
    assert len(found) == 14
    for code, status, evidence in found:
        if code.startswith("yes"):
            assert (status, evidence) == ("alarm", "confirmed"), code
        elif status == "alarm":
            assert evidence == "possible", code


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(98, 100, 93.00, 99.45), (0, 10, 0, 27.75), (10, 10, 72.25, 100)],
)
def test_the_interval_of_a_rate_is_wilsons(
    warehouse: Warehouse, hits: int, trials: int, low: float, high: float
) -> None:
    """Published values of the score interval at 95 %."""
    warehouse.load("int_review_series", [rate("k", hits, trials)])
    warehouse.run("int_kpi_intervals")
    ((found_low, found_high),) = warehouse.rows(
        "select interval_low, interval_high from int_kpi_intervals"
    )
    assert (found_low, found_high) == pytest.approx((low, high), abs=0.005)


@pytest.mark.parametrize(
    ("events", "low", "high"),
    [(0, 0, 3.689), (3, 0.619, 8.767), (12, 6.201, 20.962)],
)
def test_the_interval_of_a_count_is_poissons_and_passes_no_verdict(
    warehouse: Warehouse, events: int, low: float, high: float
) -> None:
    """Published limits of a Poisson count at 95 %; twice as many per half the time."""
    values = dict.fromkeys(("value", "highest_value", "lowest_value"), events)
    counted = {"measure_type": "count", "scale": 1, "target_min": 10, **values}
    warehouse.load(
        "int_review_series",
        [
            rate("once", events, 1, **counted),
            rate("halved", events, 2, **counted | {"scale": 5}),
        ],
    )
    warehouse.run(*FROM_COUNTS)
    found = {
        code: rest
        for code, *rest in warehouse.rows(
            "select kpi_code, interval_low, interval_high, bound_low, evidence "
            "from fct_kpi_status"
        )
    }
    assert found["once"][:2] == pytest.approx([low, high], abs=0.0005)
    assert found["halved"][:2] == pytest.approx([2.5 * low, 2.5 * high], abs=0.00125)
    assert {row[2] for row in found.values()} == {None}
    assert found["once"][3] == ("met" if events >= 10 else "missed")
