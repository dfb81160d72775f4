"""Reads the marts of one version by SQL.

A mart that the version does not have is read as an empty table, so that a project of
its own, or a first run, still gets its pages; `missing` says which were not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]

_NO_TABLE = re.compile(r"Table with name (\w+) does not exist")


class Marts:
    """Rows of a version's marts; equal statements are run once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._known: dict[tuple, list[dict[str, Any]]] = {}
        self.missing: set[str] = set()

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """The rows as dicts; `values` fill the question marks.

        Callers must not change what they get. Order belongs into the statement.
        """
        key = (sql, values)
        if key not in self._known:
            self._known[key] = self._read(sql, values)
        return self._known[key]

    def row(self, sql: str, *values: Any) -> dict[str, Any]:
        """The first row, or an empty dict."""
        found = self.rows(sql, *values)
        return found[0] if found else {}

    def table(self, sql: str, *values: Any) -> pa.Table | None:
        """The rows as an Arrow table, without loss; None without the mart."""
        found = self._tried(lambda: self._connection.sql(sql, params=list(values)))
        return None if found is None else found.to_arrow_table()

    def _read(self, sql: str, values: tuple) -> list[dict[str, Any]]:
        cursor = self._tried(lambda: self._connection.execute(sql, list(values)))
        if cursor is None:
            return []
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _tried(self, ask: Callable[[], Any]) -> Any:
        """What the marts answer; None where one of them is not there."""
        try:
            return ask()
        except duckdb.CatalogException as error:
            absent = _NO_TABLE.search(str(error))
            if absent is None:
                raise
            self.missing.add(absent[1])
            return None


def kpis(marts: Marts) -> dict[str, dict[str, Any]]:
    """The KPIs in force by code, retired ones too, core ones first."""
    rows = marts.rows(
        """
        select * from dim_kpis where is_in_force
        order by
            process_code nulls first,
            case tier when 'core' then 1 when 'supporting' then 2 else 3 end,
            kpi_code
        """
    )
    return {row["kpi_code"]: row for row in rows}


def series(marts: Marts, segment: str = "all") -> dict[str, list[dict[str, Any]]]:
    """The judged periods of each KPI, oldest first: rows of fct_kpi_status."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in marts.rows(
        """
        select * from fct_kpi_status where segment_code = ?
        order by kpi_code, period_start
        """,
        segment,
    ):
        found.setdefault(row["kpi_code"], []).append(row)
    return found


def newest(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The period that a card shows: the newest that has ended and has a value.

    Without any, the newest period, whose state says why.
    """
    ended = [
        row
        for row in rows
        if row["value"] is not None and row["state_reason"] != "period_running"
    ]
    return (ended or rows or [None])[-1]


def processes(marts: Marts) -> dict[str, dict[str, Any]]:
    """The processes by code."""
    rows = marts.rows("select * from dim_processes order by process_code")
    return {row["process_code"]: row for row in rows}


def owners(marts: Marts) -> dict[str, dict[str, Any]]:
    """The roles in force by code."""
    rows = marts.rows("select * from dim_owners order by owner_code")
    return {row["owner_code"]: row for row in rows}
