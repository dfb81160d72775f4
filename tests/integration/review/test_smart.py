"""Each SMART check finds the defect planted for it, and nothing else."""

from __future__ import annotations

import pytest

from tests.helpers.messages import faults, unspoken
from tests.helpers.warehouse import Warehouse

# A KPI that is as it should be.
FINE = {
    "name_en": "Order dispatch time",
    "name_zh": "订单分派时效",
    "process_code": "orders",
    "measure_type": "duration",
    "family": "speed",
    "unit": "minutes",
    "direction": "lower",
    "register_status": "active",
    "objective_code": "p_orders",
    "is_manual": "false",
    "data_owner_code": "erp_steward",
    "period": "month",
    "assign_by": "completion",
    "publish_lag_days": "3",
    "next_review_on": "2099-01-01",
    "timezone": "Asia/Shanghai",
    "has_from_step": "true",
    "has_to_step": "true",
    "from_activity_code": "receive",
    "to_activity_code": "dispatch",
    "quantity_words": "(time|rate|时效|率)",
    "vague_verbs": "(improve|提升)",
    "vague_adjectives": "(better|高效)",
    "smart_measurable_share": "0.75",
    "smart_complete_warn": "0.95",
    "smart_complete_fail": "0.8",
    "smart_events": "5",
    "smart_ranges": "4",
    "smart_weight": "0.6",
    "smart_siblings": "3",
    "smart_control": "0.5",
    "periods": "8",
    "measurable_periods": "8",
    "median_n": "50",
    "n_min": "10",
    "is_stale": "false",
    "data_as_of": "2026-06-29 16:00:00",
    "grade": "A",
    "newest_n": "50",
    "rarer_outcomes": "9",
    "complete_share": "0.99",
    "moving_ranges": "8",
    "has_target": "true",
    "target_min": None,
    "target_max": "30",
    "change_type": "level",
    "baseline": None,
    "due_on": None,
    "review_by": "2099-01-01",
    "target_reason": "House figure.",
    "target_verdict": "realistic",
    "approver_code": None,
    "intervention_code": None,
    "counters": "1",
    "twin_code": None,
    "reaches_strategy": "true",
    "weight_share": "0.3",
    "siblings": "5",
    "is_red_under_green": "false",
    "controlled_share": "0.9",
}
RATE = {"measure_type": "rate", "unit": "pct"}
# What is changed, and the check that must find it; None: nothing may.
PLANTED = [
    ({}, None),
    ({"name_en": "Dispatch time and error rate"}, "S1 F"),
    ({"name_zh": "分派时效与差错率"}, "S1 F"),
    ({"has_to_step": "false"}, "S2 F"),
    ({"unit": "pct"}, "S3 F"),
    ({"target_min": "3"}, "S4 F"),
    ({"target_max": None}, "S4 F"),
    ({"name_zh": "提升产品质量"}, "S5 F"),
    ({"name_en": "Better service"}, "S5 F"),
    ({"name_zh": "流程效率提升率"}, None),
    ({"name_zh": "产品一次交验合格率"}, None),
    ({"name_zh": "转化率 +15%"}, "S6 F"),
    ({"change_type": "relative"}, "S6 F"),
    ({"change_type": "relative", "baseline": "20", "name_zh": "转化率 +15%"}, None),
    ({"name_en": None}, "S7 W"),
    ({"measurable_periods": "5"}, "M2 F"),
    ({"measurable_periods": "6"}, None),
    ({"periods": "0", "measurable_periods": "0"}, "M2 F"),
    ({"complete_share": "0.79"}, "M3 F"),
    ({"complete_share": "0.9"}, "M3 W"),
    ({"measure_type": "rate", "unit": "pct", "rarer_outcomes": "4"}, "M4 W"),
    ({"rarer_outcomes": "4"}, None),
    ({"is_stale": "true"}, "M6 F"),
    ({"is_manual": "true", "newest_n": "0"}, "M7 F"),
    ({"is_manual": "true"}, None),
    ({"moving_ranges": "3"}, "M8 W"),
    ({"reaches_strategy": "false"}, "R1 F"),
    ({"weight_share": "0.61"}, "R2 W"),
    ({"weight_share": "0.61", "siblings": "2"}, None),
    ({"is_red_under_green": "true"}, "R3 W"),
    ({"counters": "0"}, "R4 F"),
    ({"counters": "0", "family": "quality"}, None),
    ({"twin_code": "x"}, "R5 F"),
    ({"controlled_share": "0.4"}, "R6 W"),
    ({"period": None}, "T1 F"),
    ({"assign_by": None}, "T2 F"),
    ({"review_by": None}, "T3 F"),
    ({"publish_lag_days": None}, "T4 W"),
    ({"median_n": "9"}, "T5 W"),
    ({"next_review_on": "2020-01-01"}, "T6 W"),
    ({"target_verdict": "unachievable"}, "A F"),
    ({"target_verdict": "stretch"}, "A F"),
    (
        {"target_verdict": "stretch", "approver_code": "ceo", "intervention_code": "x"},
        None,
    ),
    ({"target_verdict": "too_easy"}, "A W"),
]


@pytest.fixture
def found(warehouse: Warehouse) -> dict[str, list[str]]:
    """KPI number to the checks that found something, as `id severity`."""
    rows = [
        {**FINE, **changes, "kpi_code": f"k{number}"}
        for number, (changes, _) in enumerate(PLANTED)
    ]
    warehouse.load("int_smart_facts", rows)
    warehouse.run("fct_smart_checks", "fct_kpi_readiness")
    listed: dict[str, list[str]] = {row["kpi_code"]: [] for row in rows}
    spoken: set[str] = set()
    for code, check, severity, english, chinese in warehouse.rows(
        "select kpi_code, check_id, severity, message_en, message_zh "
        "from fct_smart_checks where is_finding order by 1, 2"
    ):
        assert not faults(english, chinese), check
        spoken.add(english)
        listed[code].append(f"{check} {severity}")
    assert unspoken(["smart_"], spoken) == set()
    return listed


@pytest.mark.proves(
    "S1",
    "S2",
    "S3",
    "S4",
    "S5",
    "S6",
    "S7",
    "M2",
    "M3",
    "M4",
    "M6",
    "M7",
    "M8",
    "R1",
    "R2",
    "R3",
    "R4",
    "R5",
    "R6",
    "T1",
    "T2",
    "T3",
    "T4",
    "T5",
    "T6",
    "A",
)
def test_each_planted_defect_is_found_by_its_check_alone(
    found: dict[str, list[str]], warehouse: Warehouse
) -> None:
    for number, (changes, check) in enumerate(PLANTED):
        assert found[f"k{number}"] == ([check] if check else []), changes
    ready = dict(warehouse.rows("select kpi_code, is_ready from fct_kpi_readiness"))
    for number, (changes, check) in enumerate(PLANTED):
        fails = check is not None and check.endswith("F")
        assert ready[f"k{number}"] is not fails, changes
