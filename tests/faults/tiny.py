"""Drives a project of three marts through the real build and publication.

Batches are planted in lake and ledger directly, so that a night takes a fraction of a
second and the fault tests can afford one for every point and every kind of fault.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration import faults
from orchestration.build import build_candidate, dbt_parse
from orchestration.contract import Export, load_contracts, period_bounds
from orchestration.ledger import Ledger, utc_now, utc_text
from orchestration.locks import run_lock
from orchestration.publish import (
    Publication,
    publish,
    recover,
    verify,
    version_path,
)
from orchestration.readback import MARTS_FILE, literal
from orchestration.settings import Settings

PROJECT = Path(__file__).parent / "tiny_project"
AS_OF = datetime(2026, 3, 10, tzinfo=UTC)
SUITE = "5" * 64


class TinySettings(Settings):
    """Settings whose dbt project is the tiny one, or a changed copy of it."""

    project_folder: Path = PROJECT

    @property
    def project(self) -> Path:
        return self.project_folder


def tiny_settings(home: Path, project: Path = PROJECT) -> TinySettings:
    return TinySettings(
        home=home,
        exports=home.parent / f"{home.name}-exports",
        project_folder=project,
        memory_limit="512MB",
        timezone="UTC",
    )


def copy_project(target: Path) -> Path:
    """A copy of the tiny project that a test may change."""
    shutil.copytree(PROJECT, target)
    return target


def exports_of(settings: Settings) -> dict[str, Export]:
    return {export.name: export for export in load_contracts(dbt_parse(settings))}


def sale(number: str, cents: int | None = 100, **more: Any) -> dict[str, Any]:
    row = {
        "sale_no": number,
        "shop_code": "north",
        "cents": cents,
        "sold_at": datetime(2026, 3, 1, 9, 0),
    }
    return {**row, **more}


def deliver(
    settings: Settings,
    export: Export,
    period: str,
    rows: list[dict[str, Any]],
    *,
    verdict: str | None = "PASS",
    revision: int = 1,
) -> Path:
    """Plant one typed and judged batch; return its lake file."""
    columns = [*export.lake_columns]
    marks = utc_text(utc_now()) + repr(rows)
    raw = hashlib.sha256(f"{period}{marks}".encode()).hexdigest()
    path = settings.lake / export.source / export.name
    path.mkdir(parents=True, exist_ok=True)
    path = path / f"{raw}-{export.contract_hash[:8]}.parquet"
    declared = ", ".join(f"{c.name} {c.data_type}" for c in columns)
    with duckdb.connect() as connection:
        connection.execute(f"create table t ({declared}, _record_no bigint)")
        for position, row in enumerate(rows, start=1):
            values = [row.get(column.name) for column in columns]
            places = ", ".join("?" for _ in range(len(columns) + 1))
            connection.execute(f"insert into t values ({places})", [*values, position])
        connection.execute(f"copy t to {literal(path)} (format parquet)")
    with path.open("rb") as file:
        lake_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    logical = f"{export.source}/{export.name}/{export.name}_{period}.csv"
    covers_until = period_bounds(period, export.timezone)[1]
    with Ledger.open(settings.ledger_path, check=False) as ledger:
        file_id = ledger.record_file(
            source=export.source,
            export=export.name,
            path=logical.replace(".csv", f"_r{revision}.csv"),
            logical_name=logical,
            revision=revision,
            period=period,
            covers_until=utc_text(covers_until),
            sha256=raw,
            contract_hash=export.contract_hash,
            reading_hash="r",
            outcome="loaded",
            first_seen_at=utc_text(utc_now()),
            run_id="planted",
        )
        seq = ledger.record_batch(
            batch_id=raw,
            source=export.source,
            export=export.name,
            contract_hash=export.contract_hash,
            file_id=file_id,
            lake_path=str(path.relative_to(settings.home)),
            lake_sha256=lake_sha256,
            rows_in=len(rows),
            loaded=len(rows),
            rejected=0,
            duplicates=0,
            dst_flagged=0,
            required_nulls=0,
            extra_columns=(),
            period=period,
            covers_until=covers_until,
            watermark_max=None,
            loaded_at=utc_text(utc_now()),
            run_id="planted",
        )
        if verdict is not None:
            judge(ledger, seq, verdict)
    return path


def judge(ledger: Ledger, seq: int, verdict: str) -> None:
    ledger.record_verdict(
        ledger.batch(seq),
        suite_hash=SUITE,
        verdict=verdict,
        expected=1,
        evaluated=1,
        results={},
        run_id="planted",
    )


def night(settings: Settings, run_id: str, as_of: datetime = AS_OF) -> Publication:
    """Lock, recover, build, publish: what a run does after the gate."""
    with (
        Ledger.open(settings.ledger_path) as ledger,
        run_lock(settings, ledger, run_id) as lease,
    ):
        ledger.start_run(run_id, as_of, os.getpid())
        try:
            recover(settings, ledger, run_id)
            exports = load_contracts(dbt_parse(settings))
            candidate = build_candidate(settings, ledger, exports, run_id, as_of)
            done = publish(settings, ledger, candidate, token=lease.token)
        except BaseException as error:
            ledger.end_run(run_id, "failed", str(error))
            raise
        faults.faultpoint("run.before_end")
        ledger.end_run(run_id, "published" if done.version else "audited")
        return done


def differences(one: Path, other: Path) -> dict[str, int]:
    """Rows that only one of two versions has, per mart; empty when all are equal."""
    found = {}
    with duckdb.connect() as connection:
        for name, folder in (("a", one), ("b", other)):
            connection.execute(
                f"attach {literal(folder / MARTS_FILE)} as {name} (read_only)"
            )
        tables: dict[str, set[str]] = {"a": set(), "b": set()}
        for catalog, table in connection.execute(
            "select table_catalog, table_name from information_schema.tables "
            "where table_catalog in ('a', 'b') and table_name <> 'takt_version'"
        ).fetchall():
            tables[catalog].add(table)
        for table in sorted(tables["a"] | tables["b"]):
            if table not in tables["a"] & tables["b"]:
                found[table] = -1
                continue
            row = connection.execute(
                "select count(*) from ("
                f"(from a.main.{table} except all from b.main.{table}) union all "
                f"(from b.main.{table} except all from a.main.{table}))"
            ).fetchone()
            if row[0]:
                found[table] = row[0]
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextmanager
def fault(text: str) -> Iterator[None]:
    """`TAKT_FAULT` for the time of the block, counting from one."""
    os.environ[faults.VARIABLE] = text
    faults.forget_passages()
    try:
        yield
    finally:
        del os.environ[faults.VARIABLE]


def check_intact(settings: Settings, number: int) -> None:
    """Fail unless version `number` is current, linked and unchanged."""
    with Ledger.open(settings.ledger_path) as ledger:
        found = verify(settings, ledger)
    assert found.ok, found.problems
    assert found.version == number
    assert version_path(settings, number).is_dir()


def in_child(target: Any, *arguments: Any, seconds: float = 60) -> int:
    """Run a function in a process of its own; its exit code, -9 when killed."""
    context = multiprocessing.get_context("forkserver")
    # Forked from a process that has imported dbt and never opened a database.
    context.set_forkserver_preload(["tests.faults.preloaded"])
    process = context.Process(target=target, args=arguments)
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"{target.__name__} did not end in {seconds} s")
    return int(process.exitcode or 0)
