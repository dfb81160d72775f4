"""Rows that tests of the review give to a warehouse: registers and monthly values.

Here: the least that a rule needs to speak. No expectation belongs here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

FIRST_YEAR = 2025


def month(number: int) -> date:
    """First day of a month, counted from January of the first year."""
    return date(FIRST_YEAR + number // 12, number % 12 + 1, 1)


def kpi(code: str, **more: Any) -> dict[str, Any]:
    """A duration in minutes, lower is better, as `dim_kpis` has it."""
    row = {
        "kpi_code": code,
        "version": "1.0",
        "valid_from": date(FIRST_YEAR, 1, 1),
        "is_in_force": True,
        "name_en": f"Name of {code}",
        "name_zh": f"{code} 名称",
        "process_code": None,
        "from_activity_code": None,
        "to_activity_code": None,
        "measure_type": "duration",
        "family": "speed",
        "kind": "outcome",
        "unit": "minutes",
        "scale": 1.0,
        "direction": "lower",
        "bound_min": 0.0,
        "bound_max": None,
        "ideal": None,
        "resolution": 0.1,
        "period": "month",
        "window_days": None,
        "clock": None,
        "owner_code": "kpi_office",
        "objective_code": None,
        "weight": 1.0,
        "tier": "supporting",
        "status": "active",
    }
    return {**row, **more}


def target(code: str, value: float | None, **more: Any) -> dict[str, Any]:
    """An upper target in force since the first day, as the register view has it."""
    row = {
        "kpi_code": code,
        "segment_code": "all",
        "valid_from": date(FIRST_YEAR, 1, 1),
        "valid_to": None,
        "target_min": None,
        "target_max": value,
        "alarm_min": None,
        "alarm_max": None,
        "change_type": "level",
        "change": None,
        "due_on": None,
        "review_by": None,
    }
    return {**row, **more}


def benchmark(code: str, value: float, **more: Any) -> dict[str, Any]:
    """A usable benchmark, as the register view has it."""
    row = {
        "kpi_code": code,
        "source": "survey",
        "value": value,
        "unit": "minutes",
        "statistic": "median",
        "clock": None,
        "definition_match": "close",
    }
    return {**row, **more}


def months(
    code: str, values: Sequence[float | None], limit: float | None = None, **more: Any
) -> list[dict[str, Any]]:
    """Final months of a mean, as `int_review_series` has them; None is a month held."""
    return [
        {
            "kpi_code": code,
            "segment_code": "all",
            "process_code": None,
            "period_grain": "month",
            "period_start": month(number),
            "period_end": month(number + 1),
            "measure_type": "duration",
            "direction": "lower",
            "goodness": -1,
            "scale": 1.0,
            "bound_min": 0.0,
            "value": value,
            "highest_value": value,
            "lowest_value": value,
            "numerator": None if value is None else round(100 * value),
            "denominator": None if value is None else 100,
            "n": 100,
            "n_min": 10,
            "state": "held" if value is None else "final",
            "is_final": value is not None,
            "is_stale": False,
            "epoch": 1,
            "target_max": limit,
            "alarm_max": limit,
            **more,
        }
        for number, value in enumerate(values)
    ]
