"""Alerts over periods: worked by hand from the rules, computed by the models."""

from __future__ import annotations

from datetime import date

import pytest

from tests.helpers.warehouse import Warehouse

MODELS = (
    "int_kpi_intervals",
    "int_kpi_signals",
    "fct_kpi_status",
    "int_alert_conditions",
    "fct_alert_states",
    "fct_alert_episodes",
)

LETTERS = {"normal": "N", "pending": "P", "firing": "F", "recovering": "R"}
EARLIEST = "2020-01-01"


def months(first: int, count: int) -> list[date]:
    """First days of `count` months from month number `first` of 2025 on."""
    return [date(2025 + m // 12, m % 12 + 1, 1) for m in range(first, first + count)]


def series(code: str, values: list, **more) -> list[dict]:
    """A monthly duration from January 2025 on, as `int_review_series` has it.

    A value is a figure, or a dictionary of what is special about its month.
    """
    rows = []
    for start, end, value in zip(
        months(0, len(values)), months(1, len(values)), values, strict=True
    ):
        special = value if isinstance(value, dict) else {"value": value}
        row = {
            "kpi_code": code,
            "segment_code": "all",
            "period_grain": "month",
            "period_start": start,
            "period_end": end,
            "measure_type": "duration",
            "goodness": -1,
            "scale": 1.0,
            "numerator": None,
            "denominator": None,
            "n": 500,
            "n_min": 10,
            "undecided_count": 0,
            "state": "final",
            "state_reason": None,
            "is_final": True,
            "is_stale": False,
            "reliability_grade": "A",
            "epoch": 1,
            "target_min": None,
            "target_max": 100.0,
            "alarm_min": None,
            "alarm_max": 120.0,
            **more,
            **special,
        }
        row.setdefault("highest_value", row["value"])
        row.setdefault("lowest_value", row["value"])
        if row["state"] != "final":
            row["is_final"] = False
        rows.append(row)
    return rows


def load(warehouse: Warehouse, rows: list[dict], **figures: int) -> None:
    """The series, and what the models read beside it."""
    codes = sorted({row["kpi_code"] for row in rows})
    targets = {
        (row["kpi_code"], row["target_max"], row["alarm_max"]): row for row in rows
    }
    names = list(dict.fromkeys(name for row in rows for name in row))
    warehouse.load(
        "int_review_series", [{n: row.get(n) for n in names} for row in rows]
    )
    warehouse.load(
        "dim_kpis",
        [{"kpi_code": c, "version": "1.0", "status": "active"} for c in codes],
    )
    warehouse.load("stg_registers__kpis", [])
    changes: dict[str, list] = {}
    for (code, *_), row in targets.items():
        changes.setdefault(code, []).append(row["period_start"])
    warehouse.load(
        "dim_kpi_targets",
        [
            {
                "kpi_code": code,
                "segment_code": "all",
                "valid_from": EARLIEST if place == 0 else start,
                "valid_to": [*starts, None][place + 1],
            }
            for code, starts in changes.items()
            for place, start in enumerate(starts)
        ],
    )
    defaults = {
        "signal_periods": 6,
        "signal_locked_periods": 12,
        "signal_run": 8,
        "alert_for_days": 3,
        "alert_for_weeks": 2,
        "alert_for_months": 1,
        "alert_keep_without_band": 2,
    }
    warehouse.load(
        "int_kpi_defaults", [{"kpi_code": c, **defaults, **figures} for c in codes]
    )


def states(warehouse: Warehouse, rule: str = "limit") -> dict[str, str]:
    found = warehouse.rows(
        "select kpi_code, alert_state from fct_alert_states "
        f"where rule_id = '{rule}' order by kpi_code, side, period_start"
    )
    letters: dict[str, str] = {}
    for code, state in found:
        letters[code] = letters.get(code, "") + LETTERS[state]
    return letters


@pytest.mark.proves("alerts")
def test_an_alert_fires_stays_between_the_limits_and_ends_on_target(
    warehouse: Warehouse,
) -> None:
    """Alarm > 120, target ≤ 100. What must not decide leaves the state as it is."""
    low_n = {"value": 150, "n": 9}
    held = {"value": 150, "state": "held", "state_reason": "gate_failed"}
    good_for_now = {"value": 90, "state": "provisional", "state_reason": "settling"}
    bad_already = {"value": 130, "state": "provisional", "state_reason": "settling"}
    nothing = {
        "value": None,
        "n": 0,
        "state": "not_measurable",
        "state_reason": "no_subjects",
    }
    no_band = {"alarm_max": 100.0}
    daily = {"period_grain": "day"}
    weekly = {"period_grain": "week"}
    new_target = {"value": 130, "alarm_max": 140.0, "target_max": 135.0}
    load(
        warehouse,
        [
            *series("hysteresis", [118, 121, 110, 100]),
            *series("without_band", [101, 99, 99, 101, 99, 101, 99, 99], **no_band),
            *series("for_three", [121, 121, 119, 121, 121, 121], **daily),
            *series("for_two", [121, 119, 121, 121, 100], **weekly),
            *series("equal", [120, 100, 120.01, 100.01]),
            *series("unchanged", [121, low_n, held, nothing, good_for_now, 90, low_n]),
            *series("provisional", [90, bad_already, 90]),
            *series("redefined", [121, 121, new_target]),
            *series("still_bad", [121, {**new_target, "value": 141}]),
            *series("grade", [121], reliability_grade="D"),
        ],
    )
    warehouse.run(*MODELS)
    assert states(warehouse) == {
        "hysteresis": "NFFN",
        "without_band": "FRNFRFRN",
        "for_three": "PPNPPF",
        "for_two": "PNPFN",
        "equal": "NNFF",
        "unchanged": "FFFFFNN",
        "provisional": "NFN",
        "redefined": "FFN",
        "still_bad": "FF",
        "grade": "F",
    }
    assert warehouse.rows(
        "select kpi_code, onset_on, last_on, closed_on, closed_reason, open_state "
        "from fct_alert_episodes where rule_id = 'limit' and kpi_code in "
        "('hysteresis', 'without_band', 'redefined', 'still_bad') "
        "order by kpi_code, onset_on"
    ) == [
        (
            "hysteresis",
            date(2025, 2, 1),
            date(2025, 3, 1),
            date(2025, 4, 1),
            "recovered",
            None,
        ),
        (
            "redefined",
            date(2025, 1, 1),
            date(2025, 2, 1),
            date(2025, 3, 1),
            "redefined",
            None,
        ),
        (
            "still_bad",
            date(2025, 1, 1),
            date(2025, 1, 1),
            date(2025, 2, 1),
            "redefined",
            None,
        ),
        ("still_bad", date(2025, 2, 1), date(2025, 2, 1), None, None, "firing"),
        (
            "without_band",
            date(2025, 1, 1),
            date(2025, 2, 1),
            date(2025, 3, 1),
            "recovered",
            None,
        ),
        (
            "without_band",
            date(2025, 4, 1),
            date(2025, 7, 1),
            date(2025, 8, 1),
            "recovered",
            None,
        ),
    ]
    decisions = warehouse.rows(
        "select decision from fct_alert_states where kpi_code = 'unchanged' "
        "and rule_id = 'limit' order by period_start"
    )
    assert [decision for (decision,) in decisions] == [
        "fired",
        "already_open",
        "already_open",
        "already_open",
        "already_open",
        "no_breach",
        "below_n_min",
    ]
    assert warehouse.rows(
        "select is_held, decision from fct_alert_states "
        "where kpi_code = 'grade' and rule_id = 'limit'"
    ) == [(True, "fired")]


def test_a_rate_fires_on_evidence_and_a_signal_on_the_kpis_own_noise(
    warehouse: Warehouse,
) -> None:
    """Returns over 5 %: 6 of 100 is possible, 9 of 100 is proved (binomial tables).

    Mean 120.1667, mean range 38 / 11, limits 110.978 and 129.356: 130 lies outside.
    """
    returns = {
        "measure_type": "rate",
        "scale": 100.0,
        "target_max": 5.0,
        "alarm_max": 5.0,
        "n": 100,
        "n_min": 30,
        "denominator": 100,
    }
    few = [{"value": hits, "numerator": hits} for hits in (6, 9, 6, 4, 4)]
    quiet = [122, 118, 121, 119, 124, 117, 120, 123, 118, 121, 119, 120]
    load(
        warehouse,
        [
            *series("returns", few, **returns),
            *series("noise", [*quiet, 129, 130, 120], alarm_max=None, target_max=None),
        ],
    )
    warehouse.run(*MODELS)
    assert states(warehouse) == {"returns": "NFFRN"}
    assert states(warehouse, "signal") == {"returns": "NNNNN", "noise": "N" * 13 + "FN"}
    assert warehouse.rows(
        "select decision, bound_value > 5 from fct_alert_states "
        "where kpi_code = 'returns' and rule_id = 'limit' order by period_start limit 2"
    ) == [("no_evidence", False), ("fired", True)]


@pytest.mark.proves("cases")
def test_open_cases_are_at_risk_after_four_fifths_of_their_limit(
    warehouse: Warehouse,
) -> None:
    """Limit 120 minutes = 7,200 seconds; four fifths are 5,760."""
    ages = {"fine": 5760, "near": 5761, "at_limit": 7200, "over": 7201}
    warehouse.load(
        "fct_kpi_open_ages",
        [
            {
                "kpi_code": "k",
                "subject_id": subject,
                "age_seconds": age,
                "case_limit_seconds": 7200,
            }
            for subject, age in ages.items()
        ],
    )
    warehouse.load("int_kpi_defaults", [{"kpi_code": "k", "case_at_risk": 0.8}])
    warehouse.run("fct_case_alerts")
    assert set(
        warehouse.rows("select subject_id, case_state from fct_case_alerts")
    ) == {("near", "at_risk"), ("at_limit", "at_risk"), ("over", "breached")}
