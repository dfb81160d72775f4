"""The table at the end of a refresh: per KPI its newest ended period with a value."""

from __future__ import annotations

import io
from datetime import date, datetime

import duckdb
import pytest
from rich.console import Console

from orchestration import report
from orchestration.query import QueryResult

SETTLED = "provisional"


@pytest.fixture
def marts() -> duckdb.DuckDBPyConnection:
    """Three marts with the columns that the table reads, and no rows."""
    connection = duckdb.connect()
    connection.execute(
        "create table dim_kpis (kpi_code text, name_en text, name_zh text, unit text, "
        "period text, is_in_force boolean, status text)"
    )
    connection.execute(
        "create table fct_kpi_values (kpi_code text, segment_code text, "
        "period_grain text, period_start date, value double, target_min double, "
        "target_max double, state text, state_reason text, is_stale boolean, "
        "data_as_of timestamp)"
    )
    connection.execute(
        "create table fct_kpi_status (kpi_code text, segment_code text, "
        "period_grain text, period_start date, status text)"
    )
    connection.execute(
        "insert into dim_kpis values ('p.k_pct', 'Share', '占比', 'pct', 'month', "
        "true, 'active'), ('p.old_pct', 'Old', '旧', 'pct', 'month', true, 'retired')"
    )
    return connection


def add(
    marts: duckdb.DuckDBPyConnection,
    start: date,
    value: float | None,
    status: str,
    **more: object,
) -> None:
    row = {
        "kpi_code": "p.k_pct",
        "segment_code": "all",
        "period_grain": "month",
        "state": SETTLED,
        "state_reason": "settling",
        "target_min": 90.0,
        "is_stale": False,
        "data_as_of": datetime(2026, 6, 30, 16),
        **more,
    }
    names = ", ".join([*row, "period_start", "value"])
    marts.execute(
        f"insert into fct_kpi_values ({names}) values "
        f"({', '.join('?' for _ in range(len(row) + 2))})",
        [*row.values(), start, value],
    )
    marts.execute(
        "insert into fct_kpi_status values (?, ?, ?, ?, ?)",
        [row["kpi_code"], row["segment_code"], row["period_grain"], start, status],
    )


def shown(marts: duckdb.DuckDBPyConnection) -> list[str]:
    """The lines of the table, header first, blanks as one."""
    cursor = marts.execute(report.KPI_SQL)
    columns = tuple(column[0] for column in cursor.description)
    rows = tuple(cursor.fetchall())
    out = Console(file=io.StringIO(), width=300, color_system=None)
    out.print(report.kpi_table(QueryResult(1, columns, (), rows), "Asia/Shanghai"))
    return [" ".join(line.split()) for line in out.file.getvalue().splitlines()]


def test_the_newest_ended_period_of_the_official_grain_is_shown(marts) -> None:
    add(marts, date(2026, 5, 1), 92.5, "on_target")
    add(marts, date(2026, 6, 1), 91.123, "on_target")
    add(marts, date(2026, 6, 1), 50.0, "alarm", segment_code="north")
    add(marts, date(2026, 6, 29), 10.0, "alarm", period_grain="week")
    add(marts, date(2026, 6, 1), 1.0, "alarm", kpi_code="p.old_pct")
    add(marts, date(2026, 7, 1), 40.0, "warning", state_reason="period_running")
    assert shown(marts)[1:] == [
        "Share 占比 2026-06 91.12% ≥ 90 on target provisional (settling) "
        "fresh, data to 2026-07-01 00:00"
    ]


def test_without_any_value_the_newest_period_says_why(marts) -> None:
    for month in (5, 6):
        add(
            marts,
            date(2026, month, 1),
            None,
            "not_measurable",
            state="not_measurable",
            state_reason="never_delivered",
            is_stale=True,
            data_as_of=None,
        )
    assert shown(marts)[1:] == [
        "Share 占比 2026-06 – ≥ 90 not measurable not measurable (never delivered) "
        "stale"
    ]


@pytest.mark.parametrize(
    ("value", "status", "words"),
    [
        (91.0, "on_target", "on target"),
        (85.0, "on_target", "can still be met"),
        (85.0, "warning", "warning"),
        (70.0, "alarm", "alarm"),
        (70.0, "insufficient_n", "insufficient n"),
    ],
)
def test_the_status_says_what_holds_so_far(marts, value, status, words) -> None:
    add(marts, date(2026, 6, 1), value, status)
    assert f"≥ 90 {words} provisional" in shown(marts)[1]
