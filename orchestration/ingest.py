"""Ingest: dropped files become typed, immutable Parquet batches, each byte once.

discover → claim (private copy, sha256) → read and type in a worker process → lake →
ledger. A file that is not as declared is refused with a reason and the run goes on;
rows in = loaded + rejected + exact duplicates, for every file. Dropped files are
never changed. Not here: whether a batch is trusted (`gate`).
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import resource
import shutil
import stat
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.contract import Export, FileName
from orchestration.faults import faultpoint
from orchestration.ledger import Ledger, utc_now, utc_text
from orchestration.readers.base import Limits, Refusal, shown
from orchestration.readers.parse import Parsed, ParseTask, parse
from orchestration.settings import Settings, parse_size

CHUNK = 1 << 20
# A file this old is not being written any more, whatever the two looks say.
OLD_SECONDS = 60
WORKERS = 2
# A reader that works this long on one file hangs.
FILE_SECONDS = 1800
# These say nothing about the bytes: tried again with every run.
RETRIED = ("pii_key_missing", "vanished")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Arrival:
    """A file below the exports folder that matches an export's pattern."""

    export: Export
    path: str
    name: FileName
    status: os.stat_result


@dataclass
class ExportReport:
    """What ingest did for one export."""

    seen: int = 0
    known: int = 0
    loaded: int = 0
    refused: int = 0
    rows: int = 0
    rejected: int = 0
    duplicates: int = 0
    refusals: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class IngestReport:
    """What ingest did, per export code, and files that no contract declares."""

    exports: dict[str, ExportReport]
    unexpected: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


# Discover and claim


def discover(
    settings: Settings, exports: Sequence[Export]
) -> tuple[list[Arrival], list[str]]:
    """Every declared file below the exports folder, and the paths nobody declared.

    Links are never followed; a matching name of any kind is returned, so that a
    link or pipe is refused by name and not overlooked.
    """
    arrivals, unexpected = [], []
    for path, status in _walk(settings.exports, ""):
        found = [
            Arrival(export, path, name, status)
            for export in exports
            if (name := export.match(path)) is not None
        ]
        arrivals += found
        if not found:
            unexpected.append(path)
    arrivals.sort(
        key=lambda a: (
            a.export.code,
            a.name.period or "",
            a.name.logical_name,
            a.name.revision,
        )
    )
    return arrivals, sorted(unexpected)


def _walk(root: Path, below: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        entries = sorted(os.scandir(root / below), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        path = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, path)
        elif not entry.name.startswith("."):
            try:
                yield path, entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue


def _settled(
    settings: Settings, arrivals: list[Arrival]
) -> tuple[list[Arrival], list[str]]:
    """The arrivals whose size and time stand still, and the paths still moving."""
    now = time.time()
    if all(abs(now - a.status.st_mtime) > OLD_SECONDS for a in arrivals):
        return arrivals, []
    time.sleep(settings.settle_seconds)
    still, moving = [], []
    for arrival in arrivals:
        try:
            again = os.lstat(settings.exports / arrival.path)
        except FileNotFoundError:
            continue
        before = (arrival.status.st_size, arrival.status.st_mtime_ns)
        if (again.st_size, again.st_mtime_ns) == before:
            still.append(arrival)
        else:
            moving.append(shown(arrival.path))
    return still, moving


def claim(settings: Settings, arrival: Arrival, workspace: Path) -> tuple[Path, str]:
    """Copy a dropped file into the workspace while hashing it; (copy, sha256).

    Raises Refusal for anything but a regular file with one name.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(settings.exports / arrival.path, flags)
    except FileNotFoundError:
        raise Refusal("vanished", "the file went away while it was read") from None
    except OSError as error:
        raise Refusal("not_a_file", f"cannot be opened: {error.strerror}") from None
    with os.fdopen(handle, "rb") as dropped:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Refusal("not_a_file", "not a regular file (a pipe, device or folder)")
        if status.st_nlink != 1:
            raise Refusal("not_a_file", "has a second name (hard link); drop a copy")
        copy, digest = workspace / "copy", hashlib.sha256()
        with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            while chunk := dropped.read(CHUNK):
                digest.update(chunk)
                out.write(chunk)
    return copy, digest.hexdigest()


# Workers


def _start_worker(memory_bytes: int) -> None:
    # DuckDB spills at its own limit; this one stops a library that does not.
    limit = 2 * memory_bytes + (2 << 30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _pool(settings: Settings, workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=workers,
        # A forked child would inherit the lock of the run and outlive it.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(parse_size(settings.memory_limit),),
    )


def run_in_workers(
    settings: Settings,
    work: Callable[[Any], Any],
    jobs: Sequence[Any],
    crashed: Callable[[str], Exception],
) -> Iterator[tuple[int, Any]]:
    """Yield (index, result or exception) of `work(job)` for each job, as they finish.

    A worker that dies or hangs costs only its own job: the unfinished jobs run again
    one by one, so that the culprit is known and gets `crashed(reason)`.
    """
    if not jobs:
        return
    unfinished = yield from _together(settings, work, jobs)
    while unfinished:
        with _pool(settings, 1) as pool:
            while unfinished:
                index = unfinished.pop(0)
                future = pool.submit(work, jobs[index])
                done, _ = wait([future], timeout=FILE_SECONDS)
                if not done:
                    _kill(pool)
                    yield index, crashed("took longer than the limit")
                    break
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    yield index, crashed("killed its reader (memory or a defect)")
                    break
                yield index, error or future.result()


def _together(
    settings: Settings, work: Callable[[Any], Any], jobs: Sequence[Any]
) -> Generator[tuple[int, Any], None, list[int]]:
    """Run jobs side by side; return the indexes left when a worker died or hung."""
    waiting = list(range(len(jobs)))
    with _pool(settings, min(WORKERS, max(len(jobs), 1))) as pool:
        running: dict[Future[Any], int] = {}
        while waiting or running:
            # A short queue keeps the list of suspects short when a worker dies.
            while waiting and len(running) < WORKERS + 1:
                try:
                    running[pool.submit(work, jobs[waiting[0]])] = waiting[0]
                except BrokenProcessPool:
                    return [*running.values(), *waiting]
                waiting.pop(0)
            done, _ = wait(running, FILE_SECONDS, FIRST_COMPLETED)
            if not done:
                _kill(pool)
                return [*running.values(), *waiting]
            for future in done:
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    return [*running.values(), *waiting]
                yield running.pop(future), error or future.result()
    return []


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in multiprocessing.active_children():
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


# The stage


def ingest_arrivals(
    settings: Settings,
    ledger: Ledger,
    exports: Sequence[Export],
    run_id: str,
    on_progress: Progress = lambda code, done, total: None,
) -> IngestReport:
    """Load every new, settled file of `exports`; refuse what is not as declared.

    `on_progress(export code, files done, files to do)` is called after each file.
    Safe to interrupt anywhere: what is not in the ledger is done again.
    """
    arrivals, unexpected = discover(settings, exports)
    limits = _limits(settings)
    fresh = [one for one in arrivals if _is_new(ledger, one, limits)]
    still, moving = _settled(settings, fresh)
    report = IngestReport({export.code: ExportReport() for export in exports})
    report.unexpected = [shown(path) for path in unexpected]
    report.waiting = moving
    for arrival in arrivals:
        report.exports[arrival.export.code].seen += 1
    for code, part in report.exports.items():
        part.known = part.seen - sum(one.export.code == code for one in fresh)
    room = settings.home / "ingest"
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir(parents=True, mode=0o700)
    try:
        loading = _Loading(settings, ledger, limits, room, run_id, report, on_progress)
        loading.load(still)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return report


def _limits(settings: Settings) -> Limits:
    return Limits(
        ratio=settings.limit_ratio,
        unpacked=settings.unpacked_bytes,
        record=settings.record_bytes,
        columns=settings.limit_columns,
        xlsx_entries=settings.limit_xlsx_entries,
        xlsx_unpacked=settings.xlsx_unpacked_bytes,
        xlsx_columns=settings.limit_xlsx_columns,
    )


def _reading_hash(export: Export, limits: Limits) -> str:
    """Contract and limits: what a refusal depends on besides the bytes."""
    return hashlib.sha256(f"{export.contract_hash} {limits}".encode()).hexdigest()


def _is_new(ledger: Ledger, arrival: Arrival, limits: Limits) -> bool:
    seen = ledger.last_sighting(arrival.export, shown(arrival.path))
    if seen is None or seen["reading_hash"] != _reading_hash(arrival.export, limits):
        return True
    status = arrival.status
    same = (
        seen["size_bytes"] == status.st_size
        and seen["mtime_ns"] == status.st_mtime_ns
        and seen["ctime_ns"] == status.st_ctime_ns
        and seen["inode"] == status.st_ino
    )
    return not same or seen["refusal_code"] in RETRIED


@dataclass
class _Loading:
    """One pass over the new files: claim them all, then read them side by side."""

    settings: Settings
    ledger: Ledger
    limits: Limits
    room: Path
    run_id: str
    report: IngestReport
    on_progress: Progress

    def load(self, arrivals: list[Arrival]) -> None:
        """Claim, read and record; every file ends loaded, known or refused."""
        self._totals = Counter(arrival.export.code for arrival in arrivals)
        self._done: Counter[str] = Counter()
        claimed: list[tuple[Arrival, str, ParseTask]] = []
        # The same bytes twice in one pass: the first becomes the batch.
        copies: list[tuple[Arrival, str]] = []
        taken: set[tuple[str, str]] = set()
        for arrival in arrivals:
            workspace = Path(tempfile.mkdtemp(dir=self.room))
            sha256 = None
            try:
                copy, sha256 = claim(self.settings, arrival, workspace)
                faultpoint("ingest.after_claim")
                _require_pii_key(self.settings, arrival.export)
            except Refusal as refusal:
                self._refuse(arrival, sha256, refusal)
                shutil.rmtree(workspace)
                continue
            identity = (arrival.export.code, sha256)
            if identity in taken or self.ledger.find_batch(arrival.export, sha256):
                copies.append((arrival, sha256))
                shutil.rmtree(workspace)
                continue
            taken.add(identity)
            claimed.append((arrival, sha256, self._task(arrival, copy, sha256)))

        def crashed(reason: str) -> Exception:
            return Refusal("parser_crash", f"the file {reason}; send a smaller file")

        tasks = [task for *_, task in claimed]
        for index, outcome in run_in_workers(self.settings, parse, tasks, crashed):
            arrival, sha256, task = claimed[index]
            if isinstance(outcome, Parsed):
                self._store(arrival, sha256, task, outcome)
            elif isinstance(outcome, Refusal):
                self._refuse(arrival, sha256, outcome)
            elif isinstance(outcome, OSError):
                raise outcome
            else:
                kind = type(outcome).__name__
                self._refuse(
                    arrival,
                    sha256,
                    Refusal("parser_crash", f"the reader failed with {kind}"),
                )
            task.raw.unlink(missing_ok=True)
        for arrival, sha256 in copies:
            self._sighting(arrival, sha256, "known")
            self.report.exports[arrival.export.code].known += 1
            self._progress(arrival)

    def _progress(self, arrival: Arrival) -> None:
        code = arrival.export.code
        self._done[code] += 1
        self.on_progress(code, self._done[code], self._totals[code])

    def _task(self, arrival: Arrival, copy: Path, sha256: str) -> ParseTask:
        export, key = arrival.export, self.settings.pii_key
        folder = self.settings.lake / export.source / export.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return ParseTask(
            export=export,
            raw=copy,
            lake=copy.parent / "lake.parquet",
            work=copy.parent / "work",
            limits=self.limits,
            pii_key=key.get_secret_value().encode() if key else None,
            # Two workers share what one database may use.
            memory_limit=parse_size(self.settings.memory_limit) // WORKERS,
            threads=max(self.settings.threads // WORKERS, 1),
        )

    def _sighting(
        self,
        arrival: Arrival,
        sha256: str | None,
        outcome: str,
        refusal: Refusal | None = None,
    ) -> int:
        name, status = arrival.name, arrival.status
        return self.ledger.record_file(
            source=arrival.export.source,
            export=arrival.export.name,
            path=shown(arrival.path),
            logical_name=shown(name.logical_name),
            revision=name.revision,
            period=name.period,
            covers_until=utc_text(name.covers_until) if name.covers_until else None,
            sha256=sha256,
            contract_hash=arrival.export.contract_hash,
            reading_hash=_reading_hash(arrival.export, self.limits),
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
            inode=status.st_ino,
            outcome=outcome,
            refusal_code=refusal.code if refusal else None,
            refusal_message=refusal.message if refusal else None,
            first_seen_at=utc_text(utc_now()),
            run_id=self.run_id,
        )

    def _refuse(self, arrival: Arrival, sha256: str | None, refusal: Refusal) -> None:
        self._sighting(arrival, sha256, "refused", refusal)
        found = self.report.exports[arrival.export.code]
        found.refused += 1
        found.refusals.append((shown(arrival.path), refusal.message))
        self._progress(arrival)

    def _store(
        self, arrival: Arrival, sha256: str, task: ParseTask, parsed: Parsed
    ) -> None:
        export = arrival.export
        name = f"{sha256}-{export.contract_hash[:8]}.parquet"
        lake_path = self.settings.lake / export.source / export.name / name
        faultpoint("ingest.before_lake")
        task.lake.chmod(0o400)
        task.lake.replace(lake_path)
        _sync_folder(lake_path.parent)
        faultpoint("ingest.after_lake")
        with self.ledger.transaction():
            self.ledger.record_batch(
                parsed.rejects,
                batch_id=sha256,
                source=export.source,
                export=export.name,
                contract_hash=export.contract_hash,
                file_id=self._sighting(arrival, sha256, "loaded"),
                lake_path=str(lake_path.relative_to(self.settings.home)),
                lake_sha256=parsed.lake_sha256,
                rows_in=parsed.rows_in,
                loaded=parsed.loaded,
                rejected=parsed.rejected,
                duplicates=parsed.duplicates,
                dst_flagged=parsed.dst_flagged,
                required_nulls=parsed.required_nulls,
                extra_columns=parsed.extra_columns,
                period=arrival.name.period,
                covers_until=arrival.name.covers_until,
                watermark_max=parsed.watermark_max,
                loaded_at=utc_text(utc_now()),
                run_id=self.run_id,
            )
        faultpoint("ingest.after_ledger")
        found = self.report.exports[export.code]
        found.loaded += 1
        found.rows += parsed.loaded
        found.rejected += parsed.rejected
        found.duplicates += parsed.duplicates
        self._progress(arrival)


def _require_pii_key(settings: Settings, export: Export) -> None:
    hashed = [column.name for column in export.columns if column.pii == "hash"]
    if hashed and settings.pii_key is None:
        raise Refusal(
            "pii_key_missing",
            f"columns {hashed} are declared pii: hash; set TAKT_PII_KEY and refresh",
        )


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
