"""The ledger: one SQLite file that remembers every file, verdict, run and version.

It alone decides what is admitted and which version is current; folders and links
follow it. Here: transactions, and the questions that ingest, gate, build and publish
ask. Not here: the tables (`ledger_schema.py`), how fresh an export is
(`freshness.py`), reading files, judging them, building.
One process writes at a time (a file lock held by the run); others may read.
All moments are UTC texts of equal length, so that their order is the order of time.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from orchestration.contract import Export
from orchestration.ledger_schema import MIGRATIONS

ADMITTING = ("PASS", "WARN")
RUN_OUTCOMES = (
    "running",
    "published",
    "published_held",
    "failed",
    "killed",
    "busy",
    "audited",
)

# A batch stands for every logical name under which its bytes were seen with its own
# period: a copy beside the original must not bring rows back that a revision
# replaced. It is in force while no admitted batch beats it under any of these names.
_IN_FORCE = """
    with admitted as (
        select b.*
        from batches as b
        join verdicts as v on v.verdict_id = (
            select max(newest.verdict_id) from verdicts as newest
            where newest.batch_seq = b.seq
        )
        where b.source = :source and b.export = :export
            and b.contract_hash = :contract_hash
            and v.verdict in ('PASS', 'WARN')
            and v.raw_sha256 = b.batch_id
            and v.lake_sha256 = b.lake_sha256
            and v.contract_hash = b.contract_hash
    ),
    sightings as (
        select
            a.seq, seen.logical_name, seen.revision, max(seen.file_id) as file_id
        from admitted as a
        join files as home on home.file_id = a.file_id
        join files as seen
            on seen.source = a.source and seen.export = a.export
            and seen.contract_hash = a.contract_hash and seen.sha256 = a.batch_id
            and seen.outcome <> 'refused'
            and (seen.logical_name = home.logical_name or seen.period = a.period)
        group by a.seq, seen.logical_name, seen.revision
    ),
    ranked as (
        select seq, first_value(seq) over (
            partition by logical_name order by revision desc, file_id desc
        ) as best
        from sightings
    ),
    in_force as (select seq from ranked group by seq having min(best = seq) = 1)
"""


class LedgerError(RuntimeError):
    """The ledger is missing, damaged, or newer than this code; for people."""


class LeaseLostError(RuntimeError):
    """Another run holds the lease, or it expired: nothing more may be written."""


@dataclass(frozen=True)
class Batch:
    """One typed file in the lake. `lake_path` is relative to the home folder."""

    seq: int
    batch_id: str
    source: str
    export: str
    contract_hash: str
    file_id: int
    lake_path: str
    lake_sha256: str
    rows_in: int
    loaded: int
    rejected: int
    duplicates: int
    dst_flagged: int
    required_nulls: int
    extra_columns: tuple[str, ...]
    period: str | None
    covers_until: datetime | None
    watermark_max: datetime | None
    loaded_at: datetime
    run_id: str

    @property
    def code(self) -> str:
        return f"{self.source}.{self.export}"


@dataclass(frozen=True)
class Reject:
    """Where and why one record was not loaded; never what it said.

    `record_no` counts data records from 1; `byte_position` is where the record starts
    in the unpacked file, None where the format or encoding does not tell.
    """

    record_no: int
    byte_position: int | None
    column_name: str | None
    rule: str


@dataclass(frozen=True)
class Verdict:
    verdict_id: int
    batch_seq: int
    raw_sha256: str
    lake_sha256: str
    contract_hash: str
    suite_hash: str
    verdict: str
    expected: int
    evaluated: int
    results: Any
    judged_at: datetime
    run_id: str

    @property
    def admits(self) -> bool:
        return self.verdict in ADMITTING


@dataclass(frozen=True)
class HeldFile:
    """A file in the exports folder that keeps its export held: a row of `files`.

    `verdict` is None for a refused file and for one not judged yet. `is_covered`: an
    earlier revision of it is in force, so that its period is not missing.
    """

    file: sqlite3.Row
    verdict: Verdict | None
    is_covered: bool

    @property
    def is_refused(self) -> bool:
        return str(self.file["outcome"]) == "refused"


@dataclass(frozen=True)
class Run:
    run_id: str
    started_at: datetime
    ended_at: datetime | None
    as_of: datetime
    pid: int
    outcome: str
    stage: str | None
    message: str | None


@dataclass(frozen=True)
class Lease:
    token: str
    run_id: str
    pid: int
    heartbeat_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Version:
    version: int
    run_id: str
    as_of: datetime
    published_at: datetime
    code_version: str
    manifest_sha256: str
    state: str
    last_batch_no: int | None = None


@dataclass(frozen=True)
class Pointer:
    version: int | None
    pinned: bool
    pinned_reason: str | None


def utc_text(moment: datetime) -> str:
    """An aware datetime as the ledger's text, `2026-06-30T18:00:00.000000Z`."""
    if moment.tzinfo is None:
        raise ValueError("a moment without offset cannot enter the ledger")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_text(text: str | None) -> datetime | None:
    """The aware datetime of a ledger text; None for None."""
    return None if text is None else datetime.fromisoformat(text)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """An open ledger. Use `Ledger.open(path)`, best as a context manager.

    Belongs to the thread that opened it; a heartbeat thread opens its own.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path

    # ------------------------------------------------------------ open and close

    @classmethod
    def open(cls, path: Path, *, create: bool = True, check: bool = True) -> Ledger:
        """Open, check and migrate the ledger at `path`.

        With `create=False` a missing file is an error. `check=False` leaves out the
        integrity check, for connections beside one that did it. Raises LedgerError.
        """
        if not path.exists():
            if not create:
                raise LedgerError(
                    f"{path}: no ledger. Run `takt refresh`, or restore a backup."
                )
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        connection.row_factory = sqlite3.Row
        ledger = cls(connection, path)
        try:
            ledger._prepare(check)
        except sqlite3.DatabaseError as error:
            connection.close()
            if "locked" in str(error) or "busy" in str(error):
                raise LedgerError(f"{path}: another process holds it ({error}).") from (
                    error
                )
            raise LedgerError(
                f"{path}: damaged ({error}). Move it away and restore the newest "
                f"backup from {path.parent / 'backups'}, or let the next run read "
                "and judge every export again."
            ) from error
        except LedgerError:
            connection.close()
            raise
        return ledger

    def _prepare(self, check: bool) -> None:
        run = self.connection.execute
        run("pragma busy_timeout = 30000")
        run("pragma foreign_keys = on")
        if check:
            found = run("pragma quick_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(found)
        run("pragma journal_mode = wal")
        run("pragma synchronous = full")
        self._migrate()

    def _migrate(self) -> None:
        newest = len(MIGRATIONS)
        if self._user_version() == newest:
            return
        with self.transaction():
            version = self._user_version()
            if version > newest:
                raise LedgerError(
                    f"{self.path}: schema {version} is newer than this code "
                    f"({newest}). Use the newer Takt, or restore an older backup."
                )
            for migration in MIGRATIONS[version:]:
                for statement in migration.split(";\n"):
                    if statement.strip():
                        self.connection.execute(statement)
            self.connection.execute(f"pragma user_version = {newest}")

    def _user_version(self) -> int:
        return int(self.connection.execute("pragma user_version").fetchone()[0])

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, taking the write lock first; nested ones join the outer."""
        if self.connection.in_transaction:
            yield self.connection
            return
        self.connection.execute("begin immediate")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    def backup(self, folder: Path, keep: int = 7) -> Path:
        """Copy the ledger consistently into `folder`; keep the newest `keep`."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stamp = utc_now().strftime("%Y%m%dT%H%M%S%fZ")
        target = folder / f"ledger-{stamp}.sqlite"
        partial = folder / f".{target.name}"
        partial.touch(mode=0o600)
        copy = sqlite3.connect(partial)
        try:
            self.connection.backup(copy)
            # A backup must be one file: no -wal beside it that could be forgotten.
            copy.execute("pragma journal_mode = delete")
        finally:
            copy.close()
        partial.rename(target)
        for old in sorted(folder.glob("ledger-*.sqlite"))[:-keep]:
            old.unlink()
        return target

    def _rows(self, sql: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> list:
        return self.connection.execute(sql, values).fetchall()

    def _row(self, sql: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> Any:
        return self.connection.execute(sql, values).fetchone()

    # ------------------------------------------------------------ small facts

    def fact(self, name: str) -> str | None:
        """A remembered text, such as the fingerprint of the pseudonym key."""
        row = self._row("select value from facts where name = ?", (name,))
        return None if row is None else str(row["value"])

    def set_fact(self, name: str, value: str) -> None:
        with self.transaction() as write:
            write.execute(
                "insert into facts values (?, ?) on conflict (name) "
                "do update set value = excluded.value",
                (name, value),
            )

    # ------------------------------------------------------------ files, batches

    def record_file(self, **values: Any) -> int:
        """Insert one sighting of a file (the columns of `files`); return file_id."""
        return self._insert("files", values)

    def record_batch(self, rejects: Iterable[Reject] = (), **values: Any) -> int:
        """Insert one batch with its rejects; return its `seq`.

        `extra_columns` is a sequence, `covers_until` and `watermark_max` are aware
        datetimes or None. Raises sqlite3.IntegrityError if rows do not balance.
        """
        values["extra_columns"] = json.dumps(
            list(values["extra_columns"]), ensure_ascii=False
        )
        for name in ("covers_until", "watermark_max"):
            moment = values.get(name)
            values[name] = None if moment is None else utc_text(moment)
        with self.transaction() as write:
            seq = self._insert("batches", values)
            write.executemany(
                "insert into rejects values (?, ?, ?, ?, ?)",
                (
                    (seq, r.record_no, r.byte_position, r.column_name, r.rule)
                    for r in rejects
                ),
            )
        return seq

    def _insert(self, table: str, values: Mapping[str, Any]) -> int:
        names = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        with self.transaction() as write:
            cursor = write.execute(
                f"insert into {table} ({names}) values ({places})", values
            )
        return int(cursor.lastrowid or 0)

    def last_sighting(self, export: Export, path: str) -> sqlite3.Row | None:
        """The newest `files` row of one path of an export."""
        return self._row(
            "select * from files where source = ? and export = ? and path = ? "
            "order by file_id desc limit 1",
            (export.source, export.name, path),
        )

    def batch(self, seq: int) -> Batch:
        """The batch with this number; raises KeyError."""
        row = self._row("select * from batches where seq = ?", (seq,))
        if row is None:
            raise KeyError(f"no batch {seq}")
        return _batch(row)

    def find_batch(
        self, export: Export, sha256: str, period: str | None
    ) -> Batch | None:
        """The batch of these bytes and period under the export's present contract."""
        row = self._row(
            "select * from batches where source = ? and export = ? "
            "and batch_id = ? and contract_hash = ? and period is ?",
            (export.source, export.name, sha256, export.contract_hash, period),
        )
        return None if row is None else _batch(row)

    def batches(self, export: Export) -> list[Batch]:
        """Every batch under the present contract, admitted or not, by `seq`."""
        rows = self._rows(
            "select * from batches where source = ? and export = ? "
            "and contract_hash = ? order by seq",
            (export.source, export.name, export.contract_hash),
        )
        return [_batch(row) for row in rows]

    def batches_in_force(self, export: Export) -> list[Batch]:
        """Admitted, not superseded batches of an export, by period and then `seq`.

        Admitted: the newest verdict is PASS or WARN and was given for exactly these
        raw and lake bytes and this contract. Of the files that share a logical name,
        the admitted one with the highest (revision, arrival) is in force.
        """
        rows = self._rows(
            _IN_FORCE + "select * from batches where seq in in_force "
            "order by coalesce(covers_until, ''), seq",
            _of(export),
        )
        return [_batch(row) for row in rows]

    def superseding_batches(self) -> set[int]:
        """Batches of files that took the place of an admitted one of the same span."""
        rows = self._rows(
            "select b.seq from batches as b join files as f on f.file_id = b.file_id "
            "where exists (select 1 from files as earlier "
            " join batches as old on old.source = earlier.source"
            " and old.export = earlier.export and old.batch_id = earlier.sha256"
            " join verdicts as v on v.batch_seq = old.seq"
            " and v.verdict in ('PASS', 'WARN') "
            " where earlier.source = f.source and earlier.export = f.export"
            " and earlier.logical_name = f.logical_name"
            " and earlier.file_id < f.file_id and earlier.sha256 <> f.sha256)"
        )
        return {row["seq"] for row in rows}

    def admitted(self, batch: Batch) -> bool:
        """Whether the newest verdict of a batch admits exactly these bytes."""
        verdict = self.newest_verdict(batch.seq)
        return (
            verdict is not None
            and verdict.admits
            and verdict.raw_sha256 == batch.batch_id
            and verdict.lake_sha256 == batch.lake_sha256
            and verdict.contract_hash == batch.contract_hash
        )

    def rejects(self, seq: int, limit: int = 1000) -> list[Reject]:
        """Rejects of a batch in record order, at most `limit`."""
        rows = self._rows(
            "select record_no, byte_position, column_name, rule from rejects "
            "where batch_seq = ? order by record_no, column_name limit ?",
            (seq, limit),
        )
        return [Reject(**dict(row)) for row in rows]

    def reject_counts(self, seq: int) -> list[tuple[str, str | None, int]]:
        """(rule, column, rejects) of a batch, most frequent first."""
        rows = self._rows(
            "select rule, column_name, count(*) as n from rejects "
            "where batch_seq = ? group by 1, 2 order by n desc, 1, 2",
            (seq,),
        )
        return [(row["rule"], row["column_name"], row["n"]) for row in rows]

    def mark_present(self, export: Export, paths: Iterable[str]) -> None:
        """Remember which files of an export are in the exports folder right now."""
        values = {
            **_of(export),
            "now": utc_text(utc_now()),
            "paths": json.dumps(sorted(paths)),
        }
        here = "path in (select value from json_each(:paths))"
        with self.transaction() as write:
            for gone_at, moved in (
                (":now", f"gone_at is null and not {here}"),
                ("null", f"gone_at is not null and {here}"),
            ):
                write.execute(
                    f"update files set gone_at = {gone_at} where source = :source "
                    f"and export = :export and {moved}",
                    values,
                )

    def held_files(self, export: Export) -> list[HeldFile]:
        """The files that hold an export back, by period.

        Of the files in the exports folder that share a logical name, the newest
        revision has to be admitted. A copy of a file that an admitted revision has
        replaced holds nothing.
        """
        rows = self._rows(
            "select f.*, b.seq as batch_seq from files as f left join batches as b"
            " on b.source = f.source and b.export = f.export"
            " and b.contract_hash = f.contract_hash and b.batch_id = f.sha256"
            " and b.period is f.period and f.outcome <> 'refused'"
            " where f.source = :source and f.export = :export"
            " and f.contract_hash = :contract_hash and f.gone_at is null"
            " and f.file_id = (select max(n.file_id) from files as n where"
            "  n.source = f.source and n.export = f.export and n.path = f.path)"
            " order by coalesce(f.covers_until, ''), f.revision, f.file_id",
            _of(export),
        )
        answer = self._rows(_IN_FORCE + "select seq from admitted", _of(export))
        admitted = {row["seq"] for row in answer}
        newest = {row["logical_name"]: row for row in rows}
        replaced = {
            row["batch_seq"]
            for row in rows
            if newest[row["logical_name"]]["batch_seq"] in admitted
        }
        covered = {
            row["logical_name"]
            for row in self._rows(
                _IN_FORCE + "select logical_name from sightings"
                " where seq in (select seq from in_force)",
                _of(export),
            )
        }
        return [
            HeldFile(
                row,
                None
                if row["batch_seq"] is None
                else self.newest_verdict(row["batch_seq"]),
                row["logical_name"] in covered,
            )
            for row in newest.values()
            if row["batch_seq"] is None or row["batch_seq"] not in admitted | replaced
        ]

    def files(self, export: Export) -> list[sqlite3.Row]:
        """The newest sighting of every path of an export, by period and revision."""
        return self._rows(
            "select f.* from files as f where f.source = :source "
            "and f.export = :export and f.contract_hash = :contract_hash "
            "and f.file_id = (select max(n.file_id) from files as n "
            " where n.source = f.source and n.export = f.export and n.path = f.path)"
            " order by coalesce(covers_until, ''), revision, file_id",
            _of(export),
        )

    def path_of(self, batch: Batch) -> str:
        """The path under which a batch first arrived, below the exports."""
        row = self._row("select path from files where file_id = ?", (batch.file_id,))
        return str(row["path"])

    def refusals(self, export: Export | None = None) -> list[sqlite3.Row]:
        """Files in the exports folder that are refused: `files` rows, newest first."""
        return self._rows(
            "select f.* from files as f where f.file_id = ("
            " select max(n.file_id) from files as n where n.source = f.source"
            " and n.export = f.export and n.path = f.path)"
            " and f.outcome = 'refused' and f.gone_at is null"
            " and (:code is null or f.source || '.' || f.export = :code)"
            " order by f.file_id desc",
            {"code": None if export is None else export.code},
        )

    # ------------------------------------------------------------ verdicts

    def record_verdict(
        self,
        batch: Batch,
        *,
        suite_hash: str,
        verdict: str,
        expected: int,
        evaluated: int,
        results: Any,
        run_id: str,
    ) -> int:
        """Store a verdict bound to the batch's bytes and contract; return its id.

        `results` is anything JSON can hold, without cell values.
        """
        return self._insert(
            "verdicts",
            {
                "batch_seq": batch.seq,
                "raw_sha256": batch.batch_id,
                "lake_sha256": batch.lake_sha256,
                "contract_hash": batch.contract_hash,
                "suite_hash": suite_hash,
                "verdict": verdict,
                "expected": expected,
                "evaluated": evaluated,
                "results": json.dumps(results, ensure_ascii=False, sort_keys=True),
                "judged_at": utc_text(utc_now()),
                "run_id": run_id,
            },
        )

    def newest_verdict(self, seq: int) -> Verdict | None:
        row = self._row(
            "select * from verdicts where batch_seq = ? "
            "order by verdict_id desc limit 1",
            (seq,),
        )
        return None if row is None else _verdict(row)

    def verdicts(self, seq: int) -> list[Verdict]:
        """All verdicts of a batch, oldest first."""
        rows = self._rows(
            "select * from verdicts where batch_seq = ? order by verdict_id", (seq,)
        )
        return [_verdict(row) for row in rows]

    def previous_rows(
        self,
        export: Export,
        batch: Batch,
        is_day_off: Callable[[str], bool] = lambda period: False,
    ) -> float | None:
        """Median of loaded rows of earlier admitted periods of the same grain.

        Of the last 12 such batches with rows that are for no day off; None while
        there are fewer than 3.
        """
        if batch.period is None or batch.covers_until is None:
            return None
        rows = self._rows(
            _IN_FORCE + "select period, loaded from batches where seq in in_force "
            "and length(period) = :length and covers_until < :before "
            "and loaded > 0 order by covers_until desc, seq desc",
            {
                **_of(export),
                "length": len(batch.period),
                "before": utc_text(batch.covers_until),
            },
        )
        usual = [row["loaded"] for row in rows if not is_day_off(row["period"])]
        loaded = usual[:12]
        return float(statistics.median(loaded)) if len(loaded) >= 3 else None

    def newest_file(self, export: Export) -> sqlite3.Row | None:
        """The newest file of the present contract; copies of known bytes are none."""
        return self._row(
            "select f.* from files as f where source = :source "
            "and export = :export and contract_hash = :contract_hash "
            "and (outcome in ('loaded', 'refused') or exists ("
            " select 1 from batches as b join files as home"
            " on home.file_id = b.file_id where b.source = f.source"
            " and b.export = f.export and b.contract_hash = f.contract_hash"
            " and b.batch_id = f.sha256 and home.logical_name = f.logical_name))"
            " order by coalesce(covers_until, '') desc, revision desc, file_id desc"
            " limit 1",
            _of(export),
        )

    def file_verdict(self, export: Export, file: sqlite3.Row | None) -> str | None:
        """PASS, WARN, FAIL, ERROR, REFUSED, or None while not judged."""
        if file is None:
            return None
        if file["outcome"] == "refused":
            return "REFUSED"
        batch = self.find_batch(export, file["sha256"], file["period"])
        verdict = None if batch is None else self.newest_verdict(batch.seq)
        return None if verdict is None else verdict.verdict

    def told_until(self, export: Export) -> datetime | None:
        """The latest period end of any file of the present contract, whatever its
        fate; None where no file has a period.
        """
        row = self._row(
            "select max(covers_until) as until from files where source = :source "
            "and export = :export and contract_hash = :contract_hash",
            _of(export),
        )
        return from_text(row["until"])

    # ------------------------------------------------------------ runs

    def start_run(self, run_id: str, as_of: datetime, pid: int) -> None:
        """Record that a run has begun."""
        self._insert(
            "runs",
            {
                "run_id": run_id,
                "started_at": utc_text(utc_now()),
                "as_of": utc_text(as_of),
                "pid": pid,
                "outcome": "running",
            },
        )

    def set_stage(self, run_id: str, stage: str) -> None:
        with self.transaction() as write:
            write.execute("update runs set stage = ? where run_id = ?", (stage, run_id))

    def end_run(self, run_id: str, outcome: str, message: str | None = None) -> None:
        """Record how a run ended; raises KeyError for an unknown run."""
        if outcome not in RUN_OUTCOMES:
            raise ValueError(f"{outcome!r} is no outcome: {', '.join(RUN_OUTCOMES)}")
        with self.transaction() as write:
            changed = write.execute(
                "update runs set outcome = ?, message = ?, ended_at = ? "
                "where run_id = ?",
                (outcome, message, utc_text(utc_now()), run_id),
            ).rowcount
        if changed != 1:
            raise KeyError(f"no run {run_id}")

    def run(self, run_id: str) -> Run | None:
        row = self._row("select * from runs where run_id = ?", (run_id,))
        return None if row is None else _run(row)

    def runs(self, limit: int = 20) -> list[Run]:
        """The last runs, newest first."""
        rows = self._rows(
            "select * from runs order by started_at desc, rowid desc limit ?", (limit,)
        )
        return [_run(row) for row in rows]

    def bury_dead_runs(self, alive: str, message: str) -> list[str]:
        """Mark every run but `alive` that still says running as killed; their ids.

        Only for the holder of the run lock: whoever said running before is gone.
        """
        with self.transaction() as write:
            rows = write.execute(
                "update runs set outcome = 'killed', message = ?, ended_at = ? "
                "where outcome = 'running' and run_id <> ? returning run_id",
                (message, utc_text(utc_now()), alive),
            ).fetchall()
        return [row["run_id"] for row in rows]

    # ------------------------------------------------------------ lease

    def lease(self) -> Lease | None:
        row = self._row("select * from lease where id = 1")
        if row is None:
            return None
        return Lease(
            row["token"],
            row["run_id"],
            row["pid"],
            _moment(row["heartbeat_at"]),
            _moment(row["expires_at"]),
        )

    def acquire_lease(
        self, run_id: str, pid: int, ttl: timedelta, *, force: bool = False
    ) -> str | None:
        """Take the lease if it is free or expired; its token, or None if it is held.

        `force` takes it anyway: for a caller that knows the holder is dead.
        """
        now = utc_now()
        token = secrets.token_hex(16)
        with self.transaction() as write:
            held = self.lease()
            if held is not None and held.expires_at > now and not force:
                return None
            write.execute(
                "insert or replace into lease values (1, ?, ?, ?, ?, ?)",
                (token, run_id, pid, utc_text(now), utc_text(now + ttl)),
            )
        return token

    def heartbeat(self, token: str, ttl: timedelta) -> None:
        """Prolong the lease; raises LeaseLostError if it is no longer ours."""
        now = utc_now()
        with self.transaction() as write:
            changed = write.execute(
                "update lease set heartbeat_at = ?, expires_at = ? where token = ?",
                (utc_text(now), utc_text(now + ttl), token),
            ).rowcount
        if changed != 1:
            raise LeaseLostError("another run has taken the lease")

    def check_lease(self, token: str) -> None:
        """Raise LeaseLostError unless `token` holds the lease and it is in time.

        Inside `transaction()` the answer stays true until the commit.
        """
        held = self.lease()
        if held is None or held.token != token:
            raise LeaseLostError("another run has taken the lease")
        if held.expires_at <= utc_now():
            raise LeaseLostError("the lease has expired")

    def release_lease(self, token: str) -> None:
        """Give the lease back; no effect if it is no longer ours."""
        with self.transaction() as write:
            write.execute("delete from lease where token = ?", (token,))

    # ------------------------------------------------------------ versions

    def next_version(self) -> int:
        """The number the next version gets; numbers are never used twice."""
        row = self._row("select seq from sqlite_sequence where name = 'versions'")
        return 1 + (0 if row is None else int(row["seq"]))

    def record_version(
        self,
        *,
        run_id: str,
        as_of: datetime,
        code_version: str,
        manifest_sha256: str,
        version: int | None = None,
    ) -> int:
        """Record a published version; return its number (given or the next)."""
        return self._insert(
            "versions",
            {
                "version": version,
                "run_id": run_id,
                "as_of": utc_text(as_of),
                "published_at": utc_text(utc_now()),
                "code_version": code_version,
                "manifest_sha256": manifest_sha256,
                "state": "published",
            },
        )

    def set_version_state(self, version: int, state: str) -> None:
        with self.transaction() as write:
            changed = write.execute(
                "update versions set state = ? where version = ?", (state, version)
            ).rowcount
        if changed != 1:
            raise KeyError(f"no version {version}")

    def version(self, number: int) -> Version | None:
        row = self._row("select * from versions where version = ?", (number,))
        return None if row is None else _version(row)

    def versions(self) -> list[Version]:
        """All versions ever recorded, newest first."""
        rows = self._rows("select * from versions order by version desc")
        return [_version(row) for row in rows]

    def pointer(self) -> Pointer:
        row = self._row("select * from pointer where id = 1")
        return Pointer(row["version"], bool(row["pinned"]), row["pinned_reason"])

    def set_pointer(
        self, version: int | None, *, pinned: bool = False, reason: str | None = None
    ) -> None:
        """Decide which version is current and whether it stays so until unpinned."""
        with self.transaction() as write:
            write.execute(
                "update pointer set version = ?, pinned = ?, pinned_reason = ? "
                "where id = 1",
                (version, int(pinned), reason if pinned else None),
            )


# ---------------------------------------------------------------- rows to objects


def _of(export: Export) -> dict[str, str]:
    return {
        "source": export.source,
        "export": export.name,
        "contract_hash": export.contract_hash,
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _batch(row: sqlite3.Row) -> Batch:
    values = dict(row)
    values["extra_columns"] = tuple(json.loads(values["extra_columns"]))
    for name in ("covers_until", "watermark_max", "loaded_at"):
        values[name] = from_text(values[name])
    return Batch(**values)


def _verdict(row: sqlite3.Row) -> Verdict:
    values = dict(row)
    values["results"] = json.loads(values["results"])
    values["judged_at"] = _moment(values["judged_at"])
    return Verdict(**values)


def _run(row: sqlite3.Row) -> Run:
    values = dict(row)
    for name in ("started_at", "ended_at", "as_of"):
        values[name] = from_text(values[name])
    return Run(**values)


def _version(row: sqlite3.Row) -> Version:
    values = dict(row)
    for name in ("as_of", "published_at"):
        values[name] = _moment(values[name])
    return Version(**values)
