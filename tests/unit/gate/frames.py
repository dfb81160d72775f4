"""Good frames, planted defects and a small lake for the tests of the gate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import yaml

from orchestration.contract import Export, load_contracts, split_revision
from orchestration.gate import make_task
from orchestration.judging import Task
from orchestration.ledger import Batch, Ledger, utc_now, utc_text
from orchestration.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[3]
ROWS = 200
SUITE_HASH = "5" * 64
# Noon of 2026-03-02 .. 31 in Shanghai, as the lake has it: UTC without zone.
FIRST = datetime(2026, 3, 2, 4, 0)
FIGURES = {
    "rows_in": ROWS,
    "loaded": ROWS,
    "rejected": 0,
    "duplicates": 0,
    "reject_share": 0.0,
    "duplicate_share": 0.0,
    "dst_flagged": 0,
    "previous_rows": float(ROWS),
    "volume_ratio": 1.0,
}


def contracts() -> dict[str, Export]:
    """Every export the repository declares, by code, without running dbt."""
    nodes: dict[str, Any] = {}
    for path in sorted((REPOSITORY / "models" / "staging").glob("*/_*__sources.yml")):
        for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]:
            for table in source["tables"]:
                columns = {one["name"]: one for one in table.get("columns", [])}
                node = {**table, "source_name": source["name"], "columns": columns}
                nodes[f"{source['name']}.{table['name']}"] = node
    return {export.code: export for export in load_contracts({"sources": nodes})}


def _moments(minutes: int = 0, rows: int = ROWS) -> list[datetime]:
    return [
        FIRST + timedelta(days=number % 29, minutes=number // 29 + minutes)
        for number in range(rows)
    ]


def _cycle(*values: Any, rows: int = ROWS) -> list[Any]:
    return [values[number % len(values)] for number in range(rows)]


def good_orders(rows: int = ROWS) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "order_no": [f"SO{number:06}" for number in range(rows)],
            "customer_id": [f"{number:016x}" for number in range(rows)],
            "channel": _cycle("dealer", "web", "key_account", "test", rows=rows),
            "received_at": _moments(0, rows),
            "checked_at": _moments(5, rows),
            "dispatched_at": _moments(20, rows),
            "warehouse": _cycle("WH1", "WH2", "ＷＨ１", rows=rows),
            "redispatched_at": pd.Series([None] * rows, dtype="datetime64[us]"),
            "redispatch_reason": _cycle(
                *[None] * 9, "dispatch_error", "load_balance", rows=rows
            ),
            "correction_reason": _cycle(*[None] * 7, "entry_error", rows=rows),
            "hold_reason": _cycle(*[None] * 19, "backorder", rows=rows),
            "category": _cycle("灯具", "厨具", "收纳", "家纺", "灯俱", rows=rows),
            "amount": [100.5 + number for number in range(rows)],
            "cancelled_at": pd.Series([None] * rows, dtype="datetime64[us]"),
            "returned_at": pd.Series([None] * rows, dtype="datetime64[us]"),
            "return_reason": _cycle(*[None] * 24, "quality", rows=rows),
            "updated_at": _moments(90, rows),
        }
    )


def good_purchase_orders(rows: int = ROWS) -> pd.DataFrame:
    days = [moment.replace(hour=0, minute=0) for moment in _moments(0, rows)]
    return pd.DataFrame(
        {
            "req_line": [f"PR{number:06}" for number in range(rows)],
            "requested_at": _moments(0, rows),
            "approve_1_at": _moments(60, rows),
            "approve_2_at": pd.Series([None] * rows, dtype="datetime64[us]"),
            "quoted_at": _moments(90, rows),
            "po_issued_at": _moments(120, rows),
            "po_no": [f"PO{number:06}" for number in range(rows)],
            "change_order": pd.array(
                _cycle(False, False, True, rows=rows), dtype="boolean"
            ),
            "cancelled_at": [
                moment if number % 10 == 9 else None
                for number, moment in enumerate(_moments(150, rows))
            ],
            "cancelled_by": _cycle(
                *[None] * 9, "us", *[None] * 9, "supplier", rows=rows
            ),
            "supplier_id": _cycle("S0001", "S0002", "INT-01", rows=rows),
            "item_code": _cycle("I001", "I002", rows=rows),
            "category": _cycle("电子元件", "金属件", "包装材料", "面料", rows=rows),
            "qty_ordered": _cycle(10, 250, rows=rows),
            "requested_date": pd.Series(days, dtype="datetime64[us]"),
            "promised_date": pd.Series(days, dtype="datetime64[us]"),
            "received_date": pd.Series(days, dtype="datetime64[us]"),
            "qty_received": _cycle(10, 250, rows=rows),
            "unit_price": [1.5 + number for number in range(rows)],
            "std_price": [1.4 + number for number in range(rows)],
            "currency": _cycle("CNY", "CNY", "USD", rows=rows),
            "updated_at": _moments(180, rows),
        }
    )


def good_revenues(rows: int = ROWS) -> pd.DataFrame:
    months = ("2026-03-01", "2026-01-01", "2025-12-01")
    return pd.DataFrame(
        {
            "month": pd.to_datetime(_cycle(*months, rows=rows)),
            "channel": [f"channel {number // 3}" for number in range(rows)],
            "revenue": [1_000.5 + number for number in range(rows)],
            "intercompany": pd.array(_cycle(False, rows=rows), dtype="boolean"),
        }
    )


def good_picks(rows: int = ROWS) -> pd.DataFrame:
    errors = _cycle(*[None] * 49, "wrong_item", rows=rows)
    return pd.DataFrame(
        {
            "order_no": [f"SO{number // 2:06}" for number in range(rows)],
            "line_no": _cycle(1, 2, rows=rows),
            "sku": _cycle("A1", "B2", "C3", rows=rows),
            "category": _cycle("灯具", "厨具", "收纳", "家纺", "灯俱", rows=rows),
            "picker_id": _cycle("0" * 16, "1" * 16, rows=rows),
            "pick_start": _moments(30, rows),
            "pick_end": _moments(34, rows),
            "recheck_at": _moments(40, rows),
            "recheck_result": ["ERR" if error else "OK" for error in errors],
            "error_type": errors,
            "packed_at": _moments(45, rows),
        }
    )


def good_shipments(rows: int = ROWS) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_id": [f"EV{number:06}" for number in range(rows)],
            "waybill": [f"WB{number // 2:06}" for number in range(rows)],
            "order_no": [f"SO{number // 2:06}" for number in range(rows)],
            "event": _cycle("accepted", "delivered", rows=rows),
            "event_time": _moments(0, rows),
            "hub": _cycle("H1", "H2", "H3", rows=rows),
        }
    )


def good_answers(rows: int = ROWS) -> pd.DataFrame:
    days = [moment.replace(hour=0, minute=0) for moment in _moments(0, rows)]
    return pd.DataFrame(
        {
            "order_no": [f"SO{number:06}" for number in range(rows)],
            "answered_on": pd.Series(days, dtype="datetime64[us]"),
            "score": _cycle(5, 4, 5, 3, rows=rows),
        }
    )


def good_leads(rows: int = ROWS) -> pd.DataFrame:
    stages = _cycle("new", "assigned", "quoted", "won", "lost", rows=rows)

    def moment(minutes: int, *reached: str) -> pd.Series:
        moments = [
            at if stage in reached else None
            for at, stage in zip(_moments(minutes, rows), stages, strict=True)
        ]
        return pd.Series(moments, dtype="datetime64[us]")

    return pd.DataFrame(
        {
            "lead_id": [f"LD{number:07}" for number in range(rows)],
            "source": _cycle("web", "referral", "dealer", rows=rows),
            "created_at": _moments(0, rows),
            "assigned_at": moment(90, "assigned", "quoted", "won", "lost"),
            "owner_id": _cycle("0" * 16, "1" * 16, rows=rows),
            "stage": stages,
            "quoted_at": moment(120, "quoted", "won"),
            "won_at": moment(150, "won"),
            "lost_at": moment(150, "lost"),
            "lost_reason": ["price" if stage == "lost" else None for stage in stages],
            "duplicate_of": pd.Series([None] * rows, dtype="str"),
            "is_test": pd.Series([False] * rows, dtype="boolean"),
            "updated_at": _moments(180, rows),
        }
    )


def good_followups(rows: int = ROWS) -> pd.DataFrame:
    kinds = _cycle("call", "visit", "message", "auto_mail", rows=rows)
    return pd.DataFrame(
        {
            "followup_id": [f"FU{number:09}" for number in range(rows)],
            "lead_id": [f"LD{number // 3:07}" for number in range(rows)],
            "contacted_at": _moments(0, rows),
            "kind": kinds,
            "rep_id": [None if kind == "auto_mail" else "0" * 16 for kind in kinds],
        }
    )


def good_complaint_events(rows: int = ROWS) -> pd.DataFrame:
    kinds = _cycle(
        *("received", "classified", "assigned", "handling_started", "handled"),
        *("feedback_sent", "accepted", "reassigned", "archived", "qa_error"),
        rows=rows,
    )
    deadlines = [
        moment if kind == "assigned" else None
        for kind, moment in zip(kinds, _moments(4_000, rows), strict=True)
    ]

    def only(kind: str, *values: Any) -> list[Any]:
        chosen = _cycle(*values, rows=rows)
        return [
            value if one == kind else None
            for one, value in zip(kinds, chosen, strict=True)
        ]

    return pd.DataFrame(
        {
            "event_id": [f"HE{number:06}" for number in range(rows)],
            "complaint_no": [f"TS{number // 10:06}" for number in range(rows)],
            "event_type": kinds,
            "event_time": _moments(0, rows),
            "deadline": pd.Series(deadlines, dtype="datetime64[us]"),
            "customer_id": only("received", "a" * 16, "b" * 16),
            "product_code": only("received", "P01", "P02"),
            "category": only("classified", "产品质量", "物流配送"),
            "department": only("assigned", "quality", "service"),
            "handler_id": only("assigned", "c" * 16),
            "reason": only("reassigned", "wrong_handler", "load_balance"),
            "channel": only("received", "phone"),
            "duplicate_of": only("classified", None),
        }
    )


def good_calls(rows: int = ROWS) -> pd.DataFrame:
    answered = _cycle(*[True] * 9, False, rows=rows)

    def if_answered(*values: Any) -> list[Any]:
        cycled = _cycle(*values, rows=rows)
        return [
            value if is_answered else None
            for value, is_answered in zip(cycled, answered, strict=True)
        ]

    return pd.DataFrame(
        {
            "call_id": [f"CL{number:09}" for number in range(rows)],
            "customer_id": [f"{number // 2:016x}" for number in range(rows)],
            "topic": _cycle("delivery", "product", "returns", "invoice", rows=rows),
            "started_at": _moments(0, rows),
            "queue_s": _cycle(5, 40, 12, rows=rows),
            "talk_s": if_answered(180, 240, 300),
            "hold_s": if_answered(0, 30),
            "wrap_s": if_answered(60, 45),
            "answered": pd.Series(answered, dtype="boolean"),
            "transfers": _cycle(0, 0, 1, rows=rows),
            "agent_id": if_answered("0" * 16, "1" * 16),
            "resolution": if_answered("resolved", "resolved", "follow_up"),
            "csat": if_answered(5, None, 4),
        }
    )


def good_inspections(rows: int = ROWS) -> pd.DataFrame:
    passed_at_once = _cycle(True, True, True, False, rows=rows)
    released = [
        moment if passed else None
        for passed, moment in zip(passed_at_once, _moments(60, rows), strict=True)
    ]
    return pd.DataFrame(
        {
            "lot_no": [f"LOT{number:06}" for number in range(rows)],
            "line_no": _cycle(1, 2, 3, rows=rows),
            "category": _cycle("灯具", "厨具", "收纳", "家纺", rows=rows),
            "inspection_no": _cycle(1, 1, 1, 1, 2, rows=rows),
            "inspected_at": _moments(0, rows),
            "units_submitted": [200] * rows,
            "units_passed": [200 if passed else 190 for passed in passed_at_once],
            "lot_type": _cycle(*["normal"] * 9, "trial", rows=rows),
            "released_at": pd.Series(released, dtype="datetime64[us]"),
            "inspector_id": _cycle("0" * 16, "1" * 16, rows=rows),
        }
    )


def _days(rows: int, later: int = 0) -> pd.Series:
    days = [
        moment.replace(hour=0, minute=0) + timedelta(days=later)
        for moment in _moments(0, rows)
    ]
    return pd.Series(days, dtype="datetime64[us]")


def _flags(*values: bool, rows: int) -> pd.Series:
    return pd.Series(_cycle(*values, rows=rows), dtype="boolean")


def good_meetings(rows: int = ROWS) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "meeting_id": [f"MT{number // 5:05}" for number in range(rows)],
            "held_on": _days(rows),
            "departments": _cycle("销售部、质量部", "采购部", rows=rows),
            "person_id": [f"{number % 5:016x}" for number in range(rows)],
            "invited": _flags(True, True, False, rows=rows),
            "attended": _flags(True, False, rows=rows),
            "on_leave": _flags(False, False, True, rows=rows),
            "cancelled": _flags(False, rows=rows),
        }
    )


def good_ideas(rows: int = ROWS) -> pd.DataFrame:
    in_use = pd.Series(_cycle(False, False, False, True, rows=rows), dtype=bool)
    return pd.DataFrame(
        {
            "idea_no": [f"ID{number:05}" for number in range(rows)],
            "submitted_on": _days(rows),
            "person_id": [f"{number % 60:016x}" for number in range(rows)],
            "departments": _cycle("销售部", "销售部、质量部", rows=rows),
            "status": _cycle("待评审", "已采纳", "已驳回", "已验证", rows=rows),
            "adopted_on": _days(rows, 20).where(in_use),
            "metric": _cycle(None, None, None, "处理时长", rows=rows),
            "baseline_value": _cycle(None, None, None, 12.5, rows=rows),
            "result_value": _cycle(None, None, None, 10.0, rows=rows),
            "measured_on": _days(rows, 50).where(in_use),
        }
    )


def good_roster(rows: int = ROWS) -> pd.DataFrame:
    left = pd.Series(_cycle(*[False] * 19, True, rows=rows), dtype=bool)
    return pd.DataFrame(
        {
            "person_id": [f"{number:016x}" for number in range(rows)],
            "department": _cycle("销售部", "客服部", "仓储部", "质量部", rows=rows),
            "in_post_from": _days(rows, -400),
            "in_post_to": _days(rows).where(left),
            "leave_days": _cycle(0, 1, 0, 2, rows=rows),
        }
    )


def good_ratings(rows: int = ROWS) -> pd.DataFrame:
    items = ("communication", "cooperation", "initiative", "reliability")
    return pd.DataFrame(
        {
            "cycle": ["2025H1"] * rows,
            "ratee_id": [f"{number // 16:016x}" for number in range(rows)],
            "rater_id": [f"{number // 4:016x}" for number in range(rows)],
            "rater_group": [
                ("manager", "peer", "report", "self")[number // 4 % 4]
                for number in range(rows)
            ],
            "item": _cycle(*items, rows=rows),
            "score": _cycle(4, 5, 3, 4, rows=rows),
        }
    )


GOOD: dict[str, Callable[..., pd.DataFrame]] = {
    "crm.leads": good_leads,
    "crm.followups": good_followups,
    "helpdesk.complaint_events": good_complaint_events,
    "finance.revenue": good_revenues,
    "erp.orders": good_orders,
    "hr.ratings_360": good_ratings,
    "mes.inspections": good_inspections,
    "sheets.ideas": good_ideas,
    "sheets.meetings": good_meetings,
    "sheets.roster": good_roster,
    "telephony.calls": good_calls,
    "erp.purchase_orders": good_purchase_orders,
    "wms.picks": good_picks,
    "carrier.shipments": good_shipments,
    "survey.delivery": good_answers,
}


def task_for(
    export: Export,
    frame: pd.DataFrame,
    period: str = "202603",
    **figures: float | None,
) -> Task:
    """The task that `gate` would make of a frame; the lake file is not read."""
    batch = _batch_of(export, frame, period)
    task = make_task(Settings(), _NoHistory(), export, batch)  # type: ignore[arg-type]
    task.delivery.update({**FIGURES, **figures})
    return task


class _NoHistory:
    def previous_rows(self, export: Export, batch: Batch, is_day_off: Any) -> None:
        return None


def _batch_of(export: Export, frame: pd.DataFrame, period: str) -> Batch:
    rows = len(frame)
    return Batch(
        seq=1,
        batch_id="0" * 64,
        source=export.source,
        export=export.name,
        contract_hash=export.contract_hash,
        file_id=1,
        lake_path="lake/none.parquet",
        lake_sha256="0" * 64,
        rows_in=rows,
        loaded=rows,
        rejected=0,
        duplicates=0,
        dst_flagged=0,
        required_nulls=0,
        extra_columns=(),
        period=period,
        covers_until=None,
        watermark_max=None,
        loaded_at=utc_now(),
        run_id="r",
    )


def deliver(
    settings: Settings,
    ledger: Ledger,
    export: Export,
    frame: pd.DataFrame,
    period: str | None = "202603",
    *,
    revision: int = 1,
    rejected: int = 0,
    duplicates: int = 0,
) -> Batch:
    """Put a frame into lake and ledger as ingest would have done it."""
    stem = export.files.replace("{period}", period or "").replace("*", "")
    dot = stem.index(".", stem.rindex("/"))
    path = stem if revision == 1 else f"{stem[:dot]}_r{revision}{stem[dot:]}"
    folder = settings.lake / export.source / export.name
    folder.mkdir(parents=True, exist_ok=True)
    names = ", ".join(
        f"cast({column.name} as {column.data_type}) as {column.name}"
        for column in export.lake_columns
    )
    target = folder / "new.parquet"
    database = duckdb.connect()
    database.register("frame", frame)
    database.execute(
        f"copy (select {names}, row_number() over () as _record_no from frame)"
        f" to '{target}' (format parquet)"
    )
    database.close()
    name = export.match(path)
    assert name is not None
    assert split_revision(path) == (name.logical_name, revision)
    sha256 = hashlib.sha256(target.read_bytes() + path.encode()).hexdigest()
    target = target.rename(folder / f"{sha256}-{export.contract_hash[:8]}.parquet")
    file_id = ledger.record_file(
        source=export.source,
        export=export.name,
        path=path,
        logical_name=name.logical_name,
        revision=revision,
        period=period,
        covers_until=None if name.covers_until is None else utc_text(name.covers_until),
        sha256=sha256,
        contract_hash=export.contract_hash,
        reading_hash="reading",
        outcome="loaded",
        first_seen_at=utc_text(utc_now()),
        run_id="ingest",
    )
    seq = ledger.record_batch(
        batch_id=sha256,
        source=export.source,
        export=export.name,
        contract_hash=export.contract_hash,
        file_id=file_id,
        lake_path=str(target.relative_to(settings.home)),
        lake_sha256=hashlib.sha256(target.read_bytes()).hexdigest(),
        rows_in=len(frame) + rejected + duplicates,
        loaded=len(frame),
        rejected=rejected,
        duplicates=duplicates,
        dst_flagged=0,
        required_nulls=0,
        extra_columns=[],
        period=period,
        covers_until=name.covers_until,
        watermark_max=None,
        loaded_at=utc_text(utc_now()),
        run_id="ingest",
    )
    return ledger.batch(seq)
