"""Scorecards of versions that the demo company does not show.

Here: small copies of a published version's marts with every designed state planted,
with values that attack a page, and with no rows at all; and their sites. Not here: what
the pages must show then.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb

from orchestration.scorecard.site import build_site

PROCESSES = ("orders", "quality")

SCRIPT = "<script>alert('planted')</script>"
BREAKOUT = "\"'></title></style><img src=x onerror=alert(1)>&amp;"
LONG = "Donaudampfschifffahrtsgesellschaft" * 6
RIGHT_TO_LEFT = "שלום \u202egnp.exe\u202c \u200fمرحبا"
FORMULAS = ('=HYPERLINK("http://planted.invalid")', "+1+1", "-2", "@SUM(A1)", "\t=1")
HOSTILE_CODE = 'quality.x"><script>alert(2)<'
HOSTILE_KPI = "quality.return_rate_pct"

# The KPI that bears each state; what each page must say is the tests' business.
STATES = {
    "held": "orders.same_day_ship_pct",
    "stale": "orders.dispatch_minutes",
    "provisional": "orders.processing_minutes",
    "restated": "orders.pick_accuracy_pct",
    "not_ready": "orders.info_accuracy_pct",
    "retired": "orders.same_day_ship_eligible_pct",
    "no_data": "orders.delivery_satisfaction_score",
}


def build_planted(version: Path, folder: Path) -> Path:
    """The site of a copy with states and hostile values; its folder."""
    return _build(version, folder, _plant)


def build_empty(version: Path, folder: Path) -> Path:
    """The site of a copy whose marts have no rows; its folder."""
    return _build(version, folder, _empty)


Change = Callable[[duckdb.DuckDBPyConnection, dict], None]


def _build(version: Path, folder: Path, change: Change) -> Path:
    facts = json.loads((version / "facts.json").read_text("utf-8"))
    marts = folder / "marts.duckdb"
    with duckdb.connect(str(marts)) as connection:
        _copy(connection, version / "marts.duckdb")
        change(connection, facts)
    build_site(marts, facts, folder / "scorecard")
    return folder / "scorecard"


def _copy(connection: duckdb.DuckDBPyConnection, source: Path) -> None:
    """Every mart, of two processes only: the pages of the others say nothing new."""
    connection.execute(f"attach '{source}' as source (read_only)")
    tables = connection.execute(
        "select table_name, list(column_name) from duckdb_columns() "
        "where database_name = 'source' group by table_name"
    ).fetchall()
    own = ", ".join(f"'{process}'" for process in PROCESSES)
    for table, columns in tables:
        keep = "true"
        if "process_code" in columns:
            keep = f"process_code in ({own})"
        elif "kpi_code" in columns:
            keep = f"split_part(kpi_code, '.', 1) in ({own})"
        connection.execute(
            f'create table main."{table}" as from source.main."{table}" where {keep}'
        )
    connection.execute("detach source")


def _empty(connection: duckdb.DuckDBPyConnection, facts: dict) -> None:
    tables = connection.execute("select table_name from duckdb_tables()").fetchall()
    for (table,) in tables:
        if table != "takt_version":
            connection.execute(f'delete from "{table}"')
    facts.update(exports=[], versions=[], models={})


def _plant(connection: duckdb.DuckDBPyConnection, facts: dict) -> None:
    _plant_states(connection)
    _plant_hostile(connection, facts)


def _plant_states(connection: duckdb.DuckDBPyConnection) -> None:
    def run(sql: str, *values: object) -> None:
        connection.execute(sql, values)

    newest = (
        "period_start = (select max(period_start) from fct_kpi_status as other "
        "where other.kpi_code = fct_kpi_status.kpi_code)"
    )
    run(
        "update fct_kpi_status set status = 'held', state = 'held', "
        "state_reason = 'gate_failed', is_final = false, is_stale = true, "
        f"evidence = 'held' where kpi_code = ? and {newest}",
        STATES["held"],
    )
    run(
        "update fct_kpi_status set is_stale = true, "
        "data_as_of = timestamp '2026-06-10 16:00:00' where kpi_code = ?",
        STATES["stale"],
    )
    run(
        "insert into fct_kpi_publications by name select * replace ("
        "revision_no + 1 as revision_no, value - 0.5 as value, "
        "'restated' as finality, 'late_data' as reason, true as is_visible_change, "
        "known_from + interval 3 day as known_from) "
        "from fct_kpi_publications where kpi_code = ? and segment_code = 'all' "
        "and period_start = (select max(period_start) from fct_kpi_status "
        "where kpi_code = ? and value is not null)",
        STATES["restated"],
        STATES["restated"],
    )
    run(
        "update fct_kpi_readiness set is_ready = false, failed_checks = 2, "
        "failed_check_ids = 'T3, A' where kpi_code = ?",
        STATES["not_ready"],
    )
    run(
        "update dim_kpis set status = 'retired' where kpi_code = ?",
        STATES["retired"],
    )
    # A case is open, and none may wait at all.
    run(
        "insert into fct_kpi_open_ages by name select "
        "'orders' as process_code, 'orders.processing_minutes' as kpi_code, "
        "'all' as segment_code, 'SO-1' as subject_id, 'elapsed' as clock, "
        "data_as_of - interval 1 hour as running_since_at, data_as_of, "
        "3600 as age_seconds, 0 as case_limit_seconds "
        "from dim_exports where export_code = 'erp.orders'"
    )
    for table in ("status", "values", "observations", "daily", "publications"):
        run(f"delete from fct_kpi_{table} where kpi_code = ?", STATES["no_data"])


def _plant_hostile(connection: duckdb.DuckDBPyConnection, facts: dict) -> None:
    def run(sql: str, *values: object) -> None:
        connection.execute(sql, values)

    run(
        "update dim_kpis set name_en = ?, name_zh = ?, numerator_en = ?, "
        "denominator_zh = ?, decision = ? where kpi_code = ?",
        SCRIPT + BREAKOUT,
        SCRIPT + RIGHT_TO_LEFT,
        LONG,
        BREAKOUT,
        RIGHT_TO_LEFT,
        HOSTILE_KPI,
    )
    run(
        "update dim_processes set name_en = ?, name_zh = ?, purpose_en = ? "
        "where process_code = 'quality'",
        LONG,
        RIGHT_TO_LEFT + BREAKOUT,
        SCRIPT,
    )
    run(
        "update dim_process_steps set name_en = ?, name_zh = ? "
        "where process_code = 'quality' and step_no = 2",
        LONG + SCRIPT,
        RIGHT_TO_LEFT + BREAKOUT,
    )
    run("update dim_owners set name_en = ? || name_en", RIGHT_TO_LEFT + SCRIPT)
    run(
        "update fct_findings set message_en = ?, message_zh = ?, evidence = ? "
        "where process_code = 'quality'",
        SCRIPT + LONG,
        BREAKOUT,
        json.dumps({SCRIPT: BREAKOUT, "=1": RIGHT_TO_LEFT}),
    )
    for formula in FORMULAS:
        run(
            "insert into fct_kpi_values by name "
            "select * replace (? as segment_code) from fct_kpi_values "
            "where kpi_code = ? and segment_code = 'all'",
            formula,
            HOSTILE_KPI,
        )
    # A code no file can bear: all tables must agree on it.
    tables = connection.execute(
        "select table_name from duckdb_columns() where column_name = 'kpi_code'"
    ).fetchall()
    for (table,) in tables:
        run(
            f'update "{table}" set kpi_code = ? '
            "where kpi_code = 'quality.first_pass_yield_pct'",
            HOSTILE_CODE,
        )
    for model in facts["models"].values():
        model["sql"] = f"{SCRIPT}\n{model['sql']}"
        model["tests"] = [{"name": BREAKOUT, "status": "pass"}]
    for export in facts["exports"]:
        for file in export["files"]:
            if file["path"] == export["judged"]:
                export["judged"] = file["path"] = f"{BREAKOUT}/{LONG}.csv"
