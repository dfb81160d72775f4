"""Every expectation of every suite lets good rows through and sees its defect."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import great_expectations.expectations as gxe
import pandas as pd
import pytest

from orchestration.judging import judge, unsuitable
from orchestration.suites import (
    Suite,
    claimed_columns,
    expectation_type,
    load_suite,
    name_of,
    notes_of,
)
from tests.unit.gate.frames import FIGURES, GOOD, REPOSITORY, contracts, task_for

EXPORTS = contracts()
NULL = "expect_column_values_to_not_be_null"
CODE = "expect_column_values_to_be_in_set"
RANGE = "expect_column_values_to_be_between"
ONCE = "expect_column_values_to_be_unique"
KEY_ONCE = "expect_compound_columns_to_be_unique"
ORDER = "expect_column_pair_values_a_to_be_greater_than_b"

Spoil = Callable[[pd.DataFrame], None]


def blank(column: str, share: float = 0.95) -> Spoil:
    def spoil(frame: pd.DataFrame) -> None:
        frame.loc[frame.index < share * len(frame), column] = None

    return spoil


def write(column: str, value: Any, share: float = 0.5) -> Spoil:
    def spoil(frame: pd.DataFrame) -> None:
        frame.loc[frame.index < share * len(frame), column] = value

    return spoil


def copy_into(target: str, source: str, minutes: int = 0) -> Spoil:
    def spoil(frame: pd.DataFrame) -> None:
        frame[target] = frame[source] + pd.Timedelta(minutes=minutes)

    return spoil


def errors_without_type(frame: pd.DataFrame) -> None:
    frame["recheck_result"] = "ERR"
    frame.loc[frame.index > 1, "error_type"] = None


def repeated(frame: pd.DataFrame) -> None:
    for column in frame.columns:
        frame.loc[1, column] = frame.loc[0, column]


# (export, expectation type, columns) → the planted defect. A new expectation without
# a defect here fails the test of completeness.
BATCH_DEFECTS: dict[tuple[str, str, tuple[str, ...]], Spoil] = {
    ("crm.leads", NULL, ("lead_id",)): blank("lead_id"),
    ("crm.leads", KEY_ONCE, ("lead_id", "updated_at")): repeated,
    ("crm.leads", NULL, ("created_at",)): blank("created_at"),
    ("crm.leads", NULL, ("updated_at",)): blank("updated_at"),
    ("crm.leads", NULL, ("source",)): blank("source"),
    ("crm.leads", CODE, ("source",)): write("source", "web;2026"),
    ("crm.leads", CODE, ("stage",)): write("stage", "signed"),
    ("crm.leads", NULL, ("is_test",)): blank("is_test"),
    ("crm.leads", NULL, ("assigned_at",)): blank("assigned_at"),
    ("crm.leads", ORDER, ("assigned_at", "created_at")): copy_into(
        "assigned_at", "created_at", -5
    ),
    ("crm.leads", NULL, ("won_at",)): blank("won_at"),
    ("crm.leads", NULL, ("lost_reason",)): blank("lost_reason"),
    ("crm.followups", NULL, ("followup_id",)): blank("followup_id"),
    ("crm.followups", ONCE, ("followup_id",)): write("followup_id", "FU1"),
    ("crm.followups", NULL, ("lead_id",)): blank("lead_id"),
    ("crm.followups", NULL, ("contacted_at",)): blank("contacted_at"),
    ("crm.followups", NULL, ("kind",)): blank("kind"),
    ("crm.followups", CODE, ("kind",)): write("kind", "fax"),
    ("crm.followups", NULL, ("rep_id",)): blank("rep_id"),
    ("helpdesk.complaint_events", NULL, ("event_id",)): blank("event_id"),
    ("helpdesk.complaint_events", ONCE, ("event_id",)): write("event_id", "HE1"),
    ("helpdesk.complaint_events", NULL, ("complaint_no",)): blank("complaint_no"),
    ("helpdesk.complaint_events", NULL, ("event_type",)): blank("event_type"),
    ("helpdesk.complaint_events", CODE, ("event_type",)): write(
        "event_type", "confirmed"
    ),
    ("helpdesk.complaint_events", NULL, ("event_time",)): blank("event_time"),
    ("helpdesk.complaint_events", NULL, ("customer_id",)): blank("customer_id"),
    ("helpdesk.complaint_events", NULL, ("product_code",)): blank("product_code"),
    ("helpdesk.complaint_events", NULL, ("category",)): blank("category"),
    ("helpdesk.complaint_events", CODE, ("category",)): write(
        "category", "浜у搧璐ㄩ噺"
    ),
    ("helpdesk.complaint_events", NULL, ("department",)): blank("department"),
    ("helpdesk.complaint_events", CODE, ("department",)): write("department", "sales"),
    ("helpdesk.complaint_events", NULL, ("reason",)): blank("reason"),
    ("helpdesk.complaint_events", CODE, ("reason",)): write("reason", "other"),
    ("helpdesk.complaint_events", ORDER, ("deadline", "event_time")): copy_into(
        "deadline", "event_time", -5
    ),
    ("erp.orders", NULL, ("order_no",)): blank("order_no"),
    ("erp.orders", KEY_ONCE, ("order_no", "updated_at")): repeated,
    ("erp.orders", NULL, ("received_at",)): blank("received_at"),
    ("erp.orders", NULL, ("updated_at",)): blank("updated_at"),
    ("erp.orders", NULL, ("channel",)): blank("channel"),
    ("erp.orders", CODE, ("channel",)): write("channel", "鍏朵粬"),
    ("erp.orders", CODE, ("warehouse",)): write("warehouse", "WH9"),
    ("erp.orders", NULL, ("category",)): blank("category"),
    ("erp.orders", CODE, ("category",)): write("category", "鐏叿"),
    ("erp.orders", CODE, ("hold_reason",)): write("hold_reason", "other"),
    ("erp.orders", CODE, ("redispatch_reason",)): write("redispatch_reason", "x"),
    ("erp.orders", CODE, ("correction_reason",)): write("correction_reason", "x"),
    ("erp.orders", CODE, ("return_reason",)): write("return_reason", "x"),
    ("erp.orders", NULL, ("dispatched_at",)): blank("dispatched_at"),
    ("erp.orders", ORDER, ("dispatched_at", "received_at")): copy_into(
        "dispatched_at", "received_at", -5
    ),
    ("erp.orders", NULL, ("amount",)): blank("amount"),
    ("erp.orders", RANGE, ("amount",)): write("amount", -1.0),
    ("erp.purchase_orders", NULL, ("req_line",)): blank("req_line"),
    ("erp.purchase_orders", KEY_ONCE, ("req_line", "updated_at")): repeated,
    ("erp.purchase_orders", NULL, ("updated_at",)): blank("updated_at"),
    ("erp.purchase_orders", NULL, ("requested_at",)): blank("requested_at"),
    ("erp.purchase_orders", NULL, ("change_order",)): blank("change_order"),
    ("erp.purchase_orders", ORDER, ("po_issued_at", "requested_at")): copy_into(
        "po_issued_at", "requested_at", -5
    ),
    ("erp.purchase_orders", CODE, ("cancelled_by",)): write("cancelled_by", "buyer"),
    ("erp.purchase_orders", NULL, ("cancelled_by",)): blank("cancelled_by"),
    ("erp.purchase_orders", NULL, ("supplier_id",)): blank("supplier_id"),
    ("erp.purchase_orders", NULL, ("item_code",)): blank("item_code"),
    ("erp.purchase_orders", NULL, ("category",)): blank("category"),
    ("erp.purchase_orders", CODE, ("category",)): write("category", "闈㈡枡"),
    ("erp.purchase_orders", NULL, ("qty_ordered",)): blank("qty_ordered"),
    ("erp.purchase_orders", RANGE, ("qty_ordered",)): write("qty_ordered", 0),
    ("erp.purchase_orders", NULL, ("requested_date",)): blank("requested_date"),
    ("erp.purchase_orders", NULL, ("qty_received",)): blank("qty_received"),
    ("erp.purchase_orders", NULL, ("unit_price",)): blank("unit_price"),
    ("erp.purchase_orders", RANGE, ("unit_price",)): write("unit_price", 0.0),
    ("erp.purchase_orders", NULL, ("std_price",)): blank("std_price"),
    ("erp.purchase_orders", NULL, ("currency",)): blank("currency"),
    ("erp.purchase_orders", CODE, ("currency",)): write("currency", "RMB"),
    ("finance.revenue", NULL, ("month",)): blank("month"),
    ("finance.revenue", NULL, ("channel",)): blank("channel"),
    ("finance.revenue", NULL, ("revenue",)): blank("revenue"),
    ("finance.revenue", NULL, ("intercompany",)): blank("intercompany"),
    ("finance.revenue", KEY_ONCE, ("month", "channel", "intercompany")): repeated,
    ("finance.revenue", RANGE, ("revenue",)): write("revenue", -1.0),
    ("wms.picks", NULL, ("order_no",)): blank("order_no", 0.38),
    ("wms.picks", NULL, ("line_no",)): blank("line_no"),
    ("wms.picks", RANGE, ("line_no",)): write("line_no", 0),
    ("wms.picks", NULL, ("sku",)): blank("sku"),
    ("wms.picks", CODE, ("category",)): write("category", "鐏叿"),
    ("wms.picks", NULL, ("picker_id",)): blank("picker_id"),
    ("wms.picks", NULL, ("pick_end",)): blank("pick_end"),
    ("wms.picks", ORDER, ("pick_end", "pick_start")): copy_into(
        "pick_end", "pick_start", -1
    ),
    ("wms.picks", NULL, ("recheck_result",)): blank("recheck_result"),
    ("wms.picks", CODE, ("recheck_result",)): write("recheck_result", "NOK"),
    ("wms.picks", NULL, ("error_type",)): errors_without_type,
    ("carrier.shipments", NULL, ("event_id",)): blank("event_id"),
    ("carrier.shipments", ONCE, ("event_id",)): write("event_id", "EV1"),
    ("carrier.shipments", NULL, ("order_no",)): blank("order_no"),
    ("carrier.shipments", NULL, ("waybill",)): blank("waybill"),
    ("carrier.shipments", NULL, ("event",)): blank("event"),
    ("carrier.shipments", CODE, ("event",)): write("event", "picked_up"),
    ("carrier.shipments", NULL, ("event_time",)): blank("event_time"),
    ("carrier.shipments", NULL, ("hub",)): blank("hub"),
    ("hr.ratings_360", NULL, ("cycle",)): blank("cycle"),
    ("hr.ratings_360", NULL, ("ratee_id",)): blank("ratee_id"),
    ("hr.ratings_360", NULL, ("rater_id",)): blank("rater_id"),
    ("hr.ratings_360", NULL, ("rater_group",)): blank("rater_group"),
    ("hr.ratings_360", CODE, ("rater_group",)): write("rater_group", "client"),
    ("hr.ratings_360", NULL, ("item",)): blank("item"),
    (
        "hr.ratings_360",
        KEY_ONCE,
        ("cycle", "ratee_id", "rater_id", "rater_group", "item"),
    ): repeated,
    ("hr.ratings_360", NULL, ("score",)): blank("score"),
    ("hr.ratings_360", RANGE, ("score",)): write("score", 80),
    ("sheets.ideas", NULL, ("idea_no",)): blank("idea_no"),
    ("sheets.ideas", ONCE, ("idea_no",)): write("idea_no", "ID1"),
    ("sheets.ideas", NULL, ("submitted_on",)): blank("submitted_on"),
    ("sheets.ideas", NULL, ("person_id",)): blank("person_id"),
    ("sheets.ideas", NULL, ("departments",)): blank("departments"),
    ("sheets.ideas", CODE, ("status",)): write("status", "讨论中"),
    ("sheets.ideas", NULL, ("adopted_on",)): blank("adopted_on"),
    ("sheets.ideas", ORDER, ("adopted_on", "submitted_on")): copy_into(
        "adopted_on", "submitted_on", -2_000
    ),
    ("sheets.ideas", ORDER, ("measured_on", "adopted_on")): copy_into(
        "measured_on", "adopted_on", -2_000
    ),
    ("sheets.ideas", CODE, ("metric",)): write("metric", "心情"),
    ("sheets.ideas", NULL, ("baseline_value",)): blank("baseline_value"),
    ("sheets.ideas", RANGE, ("baseline_value",)): write("baseline_value", 0.0, 0.9),
    ("sheets.meetings", NULL, ("meeting_id",)): blank("meeting_id"),
    ("sheets.meetings", KEY_ONCE, ("meeting_id", "person_id")): repeated,
    ("sheets.meetings", NULL, ("held_on",)): blank("held_on"),
    ("sheets.meetings", NULL, ("departments",)): blank("departments"),
    ("sheets.meetings", NULL, ("person_id",)): blank("person_id"),
    ("sheets.meetings", NULL, ("invited",)): blank("invited"),
    ("sheets.meetings", NULL, ("attended",)): blank("attended"),
    ("sheets.roster", NULL, ("person_id",)): blank("person_id"),
    ("sheets.roster", NULL, ("department",)): blank("department"),
    ("sheets.roster", CODE, ("department",)): write("department", "行政部"),
    ("sheets.roster", NULL, ("in_post_from",)): blank("in_post_from"),
    ("sheets.roster", ORDER, ("in_post_to", "in_post_from")): copy_into(
        "in_post_to", "in_post_from", -2_000
    ),
    ("sheets.roster", RANGE, ("leave_days",)): write("leave_days", 160),
    ("mes.inspections", NULL, ("lot_no",)): blank("lot_no"),
    ("mes.inspections", KEY_ONCE, ("lot_no", "inspection_no")): repeated,
    ("mes.inspections", RANGE, ("inspection_no",)): write("inspection_no", 0),
    ("mes.inspections", NULL, ("inspected_at",)): blank("inspected_at"),
    ("mes.inspections", NULL, ("line_no",)): blank("line_no"),
    ("mes.inspections", RANGE, ("line_no",)): write("line_no", 14),
    ("mes.inspections", CODE, ("category",)): write("category", "鐏叿"),
    ("mes.inspections", NULL, ("units_submitted",)): blank("units_submitted"),
    ("mes.inspections", RANGE, ("units_submitted",)): write("units_submitted", 0),
    ("mes.inspections", NULL, ("units_passed",)): blank("units_passed"),
    ("mes.inspections", ORDER, ("units_submitted", "units_passed")): write(
        "units_passed", 201
    ),
    ("mes.inspections", CODE, ("lot_type",)): write("lot_type", "pilot"),
    ("mes.inspections", NULL, ("released_at",)): blank("released_at"),
    ("mes.inspections", ORDER, ("released_at", "inspected_at")): copy_into(
        "released_at", "inspected_at", -5
    ),
    ("telephony.calls", NULL, ("call_id",)): blank("call_id"),
    ("telephony.calls", ONCE, ("call_id",)): write("call_id", "CL1"),
    ("telephony.calls", NULL, ("started_at",)): blank("started_at"),
    ("telephony.calls", NULL, ("customer_id",)): blank("customer_id"),
    ("telephony.calls", NULL, ("topic",)): blank("topic"),
    ("telephony.calls", CODE, ("topic",)): write("topic", "other"),
    ("telephony.calls", NULL, ("answered",)): blank("answered"),
    ("telephony.calls", NULL, ("agent_id",)): blank("agent_id"),
    ("telephony.calls", RANGE, ("queue_s",)): write("queue_s", 40_000),
    ("telephony.calls", NULL, ("talk_s",)): blank("talk_s"),
    ("telephony.calls", RANGE, ("talk_s",)): write("talk_s", 180_000),
    ("telephony.calls", RANGE, ("hold_s",)): write("hold_s", -1),
    ("telephony.calls", RANGE, ("wrap_s",)): write("wrap_s", 0),
    ("telephony.calls", NULL, ("resolution",)): blank("resolution"),
    ("telephony.calls", CODE, ("resolution",)): write("resolution", "done"),
    ("telephony.calls", RANGE, ("csat",)): write("csat", 10),
    ("survey.delivery", NULL, ("order_no",)): blank("order_no"),
    ("survey.delivery", NULL, ("answered_on",)): blank("answered_on"),
    ("survey.delivery", NULL, ("score",)): blank("score"),
    ("survey.delivery", RANGE, ("score",)): write("score", 10),
}
DELIVERY_DEFECTS: dict[str, dict[str, float]] = {
    "reject_share": {"rejected": 200, "reject_share": 0.5},
    "duplicate_share": {"duplicate_share": 0.5},
    "volume_ratio": {"volume_ratio": 0.1},
}

SUITES = sorted(GOOD)


def _claims(
    judgement: Any, part: str, kind: str, columns: tuple[str, ...]
) -> list[tuple[str, bool]]:
    """(severity, success) of the records about one claim; none of them raised."""
    records = [
        record
        for record in judgement.results["expectations"]
        if (record["part"], record["type"], tuple(record["columns"]))
        == (part, kind, columns)
    ]
    assert records
    assert not [record for record in records if "error" in record]
    return [(record["severity"], record["success"]) for record in records]


@pytest.mark.parametrize("code", SUITES)
def test_good_rows_pass_with_every_expectation_evaluated(code: str) -> None:
    suite, frame = load_suite(code), GOOD[code]()
    judgement = judge(suite, frame, task_for(EXPORTS[code], frame))
    assert (judgement.verdict, judgement.reasons) == ("PASS", ())
    assert judgement.evaluated == judgement.expected == suite.size


@pytest.mark.parametrize(
    ("code", "kind", "columns"), BATCH_DEFECTS, ids=lambda part: str(part)
)
def test_the_planted_defect_of_each_claim_is_seen(
    code: str, kind: str, columns: tuple[str, ...]
) -> None:
    frame = GOOD[code]()
    BATCH_DEFECTS[code, kind, columns](frame)
    judgement = judge(load_suite(code), frame, task_for(EXPORTS[code], frame))
    claims = _claims(judgement, "batch", kind, columns)
    assert not any(success for _, success in claims)
    held = "critical" in dict(claims)
    assert judgement.verdict == ("FAIL" if held else "WARN")
    assert any(reason.startswith(", ".join(columns)) for reason in judgement.reasons)


@pytest.mark.parametrize("figure", [*DELIVERY_DEFECTS, "period_share"])
@pytest.mark.parametrize("code", SUITES)
def test_the_planted_defect_of_each_figure_is_seen(code: str, figure: str) -> None:
    if figure not in _figures(code):
        pytest.skip("not a figure of this suite")
    frame = GOOD[code]()
    period = "202602" if figure == "period_share" else "202603"
    figures = DELIVERY_DEFECTS.get(figure, {})
    task = task_for(EXPORTS[code], frame, period, **figures)
    judgement = judge(load_suite(code), frame, task)
    claims = _claims(judgement, "delivery", RANGE, (figure,))
    assert not any(success for _, success in claims)
    held = "critical" in dict(claims)
    assert judgement.verdict == ("FAIL" if held else "WARN")


def _figures(code: str) -> set[str]:
    return {claimed_columns(one)[0] for one in load_suite(code).delivery}


def test_no_expectation_is_without_a_planted_defect() -> None:
    """Severities share a defect: both must fail under it, as the tests above see."""
    claims = {
        (code, expectation_type(one), claimed_columns(one))
        for code in SUITES
        for one in load_suite(code).batch
    }
    assert set(BATCH_DEFECTS) == claims
    figures = {
        (expectation_type(one), claimed_columns(one))
        for code in SUITES
        for one in load_suite(code).delivery
    }
    expected = {*DELIVERY_DEFECTS, "period_share"}
    assert figures == {(RANGE, (figure,)) for figure in expected}


def test_every_declared_export_has_a_suite_that_fits_its_contract() -> None:
    """An export without a suite is never admitted, so it is a mistake to ship one."""
    for code, export in EXPORTS.items():
        suite = load_suite(code)
        frame = pd.DataFrame({column.name: [] for column in export.lake_columns})
        assert unsuitable(suite, task_for(export, frame)) is None


def test_every_suite_of_a_declared_export_is_in_this_index() -> None:
    assert sorted(EXPORTS) == SUITES


def test_suites_read_no_clock() -> None:
    for path in sorted((REPOSITORY / "expectations").glob("*.py")):
        names = {
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute | ast.Name)
        }
        clocks = {"now", "today", "utcnow", "time", "datetime", "date", "open"}
        assert not names & clocks, path.name


# The ordinary dirt of the four exports, and a file that must be held.


def _verdict(code: str, frame: pd.DataFrame, **figures: float | None) -> str:
    task = task_for(EXPORTS[code], frame, **figures)
    return judge(load_suite(code), frame, task).verdict


@pytest.mark.parametrize(
    ("code", "dirt"),
    [
        ("erp.orders", lambda f: f.loc.__setitem__((0, "dispatched_at"), None)),
        (
            "erp.orders",
            lambda f: f.loc.__setitem__(
                (0, "dispatched_at"), f.received_at[0] - pd.Timedelta("9min")
            ),
        ),
        ("erp.orders", write("category", "灯俱", 0.2)),
        ("erp.orders", write("channel", "test", 0.2)),
        ("survey.delivery", blank("order_no", 0.03)),
    ],
    ids=["never_dispatched", "reversed_clock", "alias", "test_orders", "no_order"],
)
def test_ordinary_dirt_passes(code: str, dirt: Spoil) -> None:
    frame = GOOD[code]()
    dirt(frame)
    assert _verdict(code, frame) == "PASS"


@pytest.mark.parametrize(
    ("code", "figures", "verdict"),
    [
        ("wms.picks", {"duplicates": 1, "duplicate_share": 0.005}, "PASS"),
        ("erp.orders", {"rejected": 1, "reject_share": 1 / 66}, "WARN"),
        ("erp.orders", {"volume_ratio": 0.73}, "PASS"),
        ("erp.orders", {"volume_ratio": 0.55}, "WARN"),
        ("erp.orders", {"volume_ratio": 0.31}, "FAIL"),
        ("erp.orders", {"volume_ratio": None, "previous_rows": None}, "PASS"),
        # Three of six usual rows are chance, not half a file.
        ("erp.orders", {"volume_ratio": 0.3, "previous_rows": 10.0}, "PASS"),
    ],
)
def test_figures_of_a_delivery_decide(
    code: str, figures: dict[str, float | None], verdict: str
) -> None:
    assert _verdict(code, GOOD[code](), **figures) == verdict


def test_a_third_of_the_picks_with_a_third_of_the_orders_missing_is_held() -> None:
    frame = GOOD["wms.picks"]().iloc[:62].copy()
    blank("order_no", 0.38)(frame)
    task = task_for(EXPORTS["wms.picks"], frame, loaded=62, volume_ratio=0.31)
    judgement = judge(load_suite("wms.picks"), frame, task)
    assert judgement.verdict == "FAIL"
    assert "order_no: column values to not be null: 24 of 62 (38.7 %)" in (
        judgement.reason
    )
    assert "volume_ratio is 0.31 (min 0.45, max 3)" in judgement.reason


def test_a_day_of_few_orders_without_any_sparse_value_passes() -> None:
    frame = GOOD["erp.orders"](9)
    for column in ("hold_reason", "redispatch_reason", "correction_reason"):
        frame[column] = pd.Series([None] * len(frame), dtype="str")
    assert _verdict("erp.orders", frame, previous_rows=None, volume_ratio=None) == (
        "PASS"
    )


@pytest.mark.parametrize(
    ("code", "rows", "same", "nothing", "verdict"),
    [
        (
            "sheets.ideas",
            40,
            {"status": "待评审"},
            ("adopted_on", "metric", "baseline_value", "result_value", "measured_on"),
            "PASS",
        ),
        (
            "crm.leads",
            6,
            {"stage": "new"},
            ("assigned_at", "quoted_at", "won_at", "lost_at", "lost_reason"),
            "PASS",
        ),
        ("crm.followups", 6, {"kind": "auto_mail"}, ("rep_id",), "PASS"),
        ("mes.inspections", 2, {}, ("released_at",), "WARN"),
        # Two callers who hung up are chance; a whole day of them is a lost log.
        (
            "telephony.calls",
            2,
            {"answered": False},
            ("agent_id", "talk_s", "hold_s", "wrap_s", "resolution", "csat"),
            "WARN",
        ),
        (
            "telephony.calls",
            200,
            {"answered": False},
            ("agent_id", "talk_s", "hold_s", "wrap_s", "resolution", "csat"),
            "FAIL",
        ),
    ],
)
def test_a_file_in_which_something_has_not_happened_yet(
    code: str,
    rows: int,
    same: dict[str, Any],
    nothing: tuple[str, ...],
    verdict: str,
) -> None:
    frame = GOOD[code](rows)
    for column, value in same.items():
        frame[column] = value
    for column in nothing:
        frame[column] = frame[column].where([False] * rows)
    assert _verdict(code, frame, previous_rows=None, volume_ratio=None) == verdict


def test_an_empty_holiday_file_passes_and_says_that_it_was_allowed() -> None:
    export, frame = EXPORTS["wms.picks"], GOOD["wms.picks"](0)
    task = task_for(export, frame, "20260404", **dict.fromkeys(FIGURES, 0))
    judgement = judge(load_suite(export.code), frame, task)
    assert judgement.verdict == "PASS"
    assert judgement.results["is_empty_as_allowed"] is True
    refused = judge(load_suite(export.code), frame, replace(task, allow_empty=False))
    assert (refused.verdict, refused.reasons[0]) == ("FAIL", "No rows.")


def test_an_empty_file_of_a_working_day_is_held_once_there_is_a_usual_volume() -> None:
    export, frame = EXPORTS["wms.picks"], GOOD["wms.picks"](0)
    nothing = {**dict.fromkeys(FIGURES, 0), "reject_share": None}
    verdicts = {}
    for usual in (153.0, None):
        figures = {"previous_rows": usual, "volume_ratio": usual and 0.0}
        task = task_for(export, frame, "20260401", **{**nothing, **figures})
        judgement = judge(load_suite(export.code), frame, task)
        verdicts[usual] = judgement.verdict
    assert verdicts == {153.0: "FAIL", None: "PASS"}


@pytest.mark.parametrize(("bad_rows", "verdict"), [(2, "WARN"), (3, "FAIL")])
def test_two_bad_rows_of_a_small_day_are_warned_of_and_three_hold_it(
    bad_rows: int, verdict: str
) -> None:
    """5 % may be missing: one row of twelve is more, and no pattern yet."""
    frame = GOOD["wms.picks"](12)
    frame.loc[frame.index < bad_rows, "order_no"] = None
    assert _verdict("wms.picks", frame, previous_rows=13.0) == verdict


def test_suite_type_is_what_the_loader_returns() -> None:
    assert all(isinstance(load_suite(code), Suite) for code in SUITES)


def test_each_expectation_says_what_it_guards_in_both_languages() -> None:
    for code in EXPORTS:
        for _, expectation in load_suite(code).parts():
            english, chinese = notes_of(expectation), notes_of(expectation, "zh")
            where = f"{code}: {name_of(expectation)}"
            assert english.isascii(), where
            assert english[-1:] in (".", "?"), where
            assert any("一" <= sign <= "鿿" for sign in chinese), where
            assert chinese[-1:] in ("。", "？"), where


def test_notes_without_chinese_are_shown_in_english() -> None:
    one = gxe.ExpectColumnMinToBeBetween(column="a", min_value=0, notes=" Why. ")
    assert [notes_of(one, language) for language in ("en", "zh")] == ["Why.", "Why."]
