"""The gate: every new batch gets a verdict, and without one nothing is admitted.

Here: which batches are judged, with which history, in which worker, and the row in
the ledger that binds the verdict to the bytes. Not here: how rows are judged
(`judging`), what is expected of an export (`expectations/`), and which batches are in
force (`ledger`).

Batches are judged in child processes, because a suite that hangs or kills its process
must cost only its own file. Within an export they are judged one after the other by
period, so that the usual volume does not depend on which worker was faster.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait

from orchestration.contract import Export, period_bounds
from orchestration.faults import faultpoint
from orchestration.judging import Figures, Judgement, Task, error, judge_task
from orchestration.ledger import ADMITTING, Batch, Ledger, Verdict
from orchestration.settings import Settings
from orchestration.workdays import days_off

WORKERS = 2
# Below this a second worker costs more than it saves: it imports for two seconds.
FEW_BATCHES = 32
JUDGE_SECONDS = 300.0
STOP_SECONDS = 5.0

Progress = Callable[[str, int, int], None]
Judge = Callable[[Task], Judgement | None]


@dataclass(frozen=True)
class Judged:
    """One batch that got a verdict in this run."""

    export_code: str
    path: str
    period: str | None
    verdict: str
    reason: str

    @property
    def is_admitted(self) -> bool:
        return self.verdict in ADMITTING


@dataclass
class GateReport:
    """What the gate decided in this run, by export and period."""

    judged: list[Judged] = field(default_factory=list)

    @property
    def held(self) -> list[Judged]:
        """The files that are not admitted, with their reasons."""
        return [each for each in self.judged if not each.is_admitted]

    def counts(self) -> dict[str, int]:
        """How many batches got each verdict."""
        verdicts = [each.verdict for each in self.judged]
        return {name: verdicts.count(name) for name in sorted(set(verdicts))}


def judge_new(
    settings: Settings,
    ledger: Ledger,
    exports: Iterable[Export],
    run_id: str,
    on_progress: Progress = lambda code, done, total: None,
    *,
    judge: Judge = judge_task,
    timeout_seconds: float = JUDGE_SECONDS,
    workers: int | None = None,
) -> GateReport:
    """Give every batch that needs one a verdict, and store it.

    Needs one: a batch never judged as it is now, one whose judging ended in ERROR,
    and one that holds its export back under a suite that has changed since. An
    admitted batch keeps its verdict and the hash of the suite that gave it: a changed
    suite judges new batches. `on_progress(export code, batches done, batches to do)`
    is called after each; `judge` runs in a child process and must be importable there.
    `workers=0` judges in this process, where nothing stops a judge that hangs.
    """
    report = GateReport()
    declared = {export.code: export for export in exports}
    queues = {code: deque(to_judge(ledger, each)) for code, each in declared.items()}
    queues = {code: queue for code, queue in queues.items() if queue}
    totals = {code: len(queue) for code, queue in queues.items()}
    if not queues:
        return report
    batches: dict[int, Batch] = {}

    def next_task(code: str) -> Task | None:
        if not queues[code]:
            return None
        batch, held_by = queues[code].popleft()
        batches[batch.seq] = batch
        return make_task(settings, ledger, declared[code], batch, held_by)

    if workers is None:
        workers = WORKERS if sum(totals.values()) >= FEW_BATCHES else 1
    for task, judgement in _judge_all(
        queues, next_task, judge, workers, timeout_seconds
    ):
        batch, code = batches.pop(task.seq), task.export_code
        if judgement is not None:
            _record(ledger, batch, judgement, run_id)
            path, verdict = ledger.path_of(batch), judgement.verdict
            report.judged.append(
                Judged(code, path, batch.period, verdict, judgement.reason)
            )
        on_progress(code, totals[code] - len(queues[code]), totals[code])
    report.judged.sort(key=lambda one: (one.export_code, one.period or "", one.path))
    return report


def to_judge(ledger: Ledger, export: Export) -> list[tuple[Batch, str | None]]:
    """The batches of the present contract that need a verdict, by period.

    Each with the hash of the suite that failed it before, or None. A verdict about
    other bytes than the ledger names for the batch counts as none.
    """
    needy: list[tuple[Batch, str | None]] = []
    holding = {one.file["batch_seq"] for one in ledger.held_files(export)}
    for batch in ledger.batches(export):
        verdict = ledger.newest_verdict(batch.seq)
        if verdict is None or verdict.verdict == "ERROR":
            needy.append((batch, None))
        elif verdict.verdict == "FAIL":
            if batch.seq in holding:
                needy.append((batch, verdict.suite_hash))
        elif not ledger.admitted(batch):
            needy.append((batch, None))
    end_of_time = datetime.max.replace(tzinfo=UTC)
    return sorted(
        needy, key=lambda one: (one[0].covers_until or end_of_time, one[0].seq)
    )


def make_task(
    settings: Settings,
    ledger: Ledger,
    export: Export,
    batch: Batch,
    held_by: str | None = None,
) -> Task:
    """What a worker needs to judge a batch, its history up to now included."""
    period = days = None
    is_day_off = _days_off(settings, export)
    if batch.period:
        period = period_bounds(batch.period, export.timezone)
        days = tuple(moment.astimezone(export.zone).date() for moment in period)
    is_off = batch.period is not None and is_day_off(batch.period)
    return Task(
        seq=batch.seq,
        export_code=export.code,
        lake_path=settings.home / batch.lake_path,
        lake_sha256=batch.lake_sha256,
        rows=batch.loaded,
        columns=tuple(column.name for column in export.lake_columns),
        hashed=tuple(c.name for c in export.lake_columns if c.pii == "hash"),
        days=tuple(c.name for c in export.lake_columns if c.data_type == "date"),
        allow_empty=export.allow_empty,
        is_working_day=None if export.calendar is None else not is_off,
        delivery=delivery_figures(
            batch, ledger.previous_rows(export, batch, is_day_off), is_off
        ),
        period=period,
        local_period=days,
        unless_suite=held_by,
    )


def _days_off(settings: Settings, export: Export) -> Callable[[str], bool]:
    if export.calendar is None:
        return lambda period: False
    return days_off(settings.project / "seeds", export.calendar)


def delivery_figures(
    batch: Batch, previous_rows: float | None, is_day_off: bool = False
) -> Figures:
    """The figures about a file that `delivery` expectations judge.

    `previous_rows` is the median of earlier files of equally long periods, days off
    left out (None with fewer than three), and `volume_ratio` this file's rows over
    it; None on a day off with fewer rows than that, because any number is usual then.
    """
    rows_in = batch.rows_in
    volume_ratio = batch.loaded / previous_rows if previous_rows else None
    if is_day_off and volume_ratio is not None and volume_ratio < 1:
        volume_ratio = None
    return {
        "rows_in": rows_in,
        "loaded": batch.loaded,
        "rejected": batch.rejected,
        "duplicates": batch.duplicates,
        "reject_share": batch.rejected / rows_in if rows_in else None,
        "duplicate_share": batch.duplicates / rows_in if rows_in else None,
        "dst_flagged": batch.dst_flagged,
        "previous_rows": previous_rows,
        "volume_ratio": volume_ratio,
    }


def _record(ledger: Ledger, batch: Batch, judgement: Judgement, run_id: str) -> None:
    faultpoint("gate.before_verdict")
    ledger.record_verdict(
        batch,
        suite_hash=judgement.suite_hash,
        verdict=judgement.verdict,
        expected=judgement.expected,
        evaluated=judgement.evaluated,
        results=judgement.results,
        run_id=run_id,
    )
    faultpoint("gate.after_verdict")


def reason_of(verdict: Verdict) -> str:
    """The reasons of a stored verdict in one line; empty for a PASS."""
    return " · ".join(verdict.results.get("reasons", []))


# Workers


class _Worker:
    """A child process that judges one task at a time."""

    def __init__(self, judge: Judge) -> None:
        # A forked child would inherit the lock of the run and outlive it.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, judge), daemon=True)
        self.process.start()
        # With our copy open, the death of the child would not end the pipe.
        theirs.close()
        self.task: Task | None = None
        self.seconds = 0.0
        self.deadline = 0.0

    def start(self, task: Task, seconds: float) -> None:
        self.task, self.seconds = task, seconds
        self.deadline = time.monotonic() + seconds
        with suppress(OSError):  # A dead child shows when it is asked for its answer.
            self.pipe.send((task, seconds))

    def take(self) -> tuple[Task, Judgement | None]:
        """The finished task and its judgement: ERROR if the child died or hangs.

        A worker that is not `usable` afterwards is stopped by the caller.
        """
        assert self.task is not None
        task, self.task = self.task, None
        if not self.pipe.poll():
            self.process.kill()
            self.process.join()
            limit = f"{self.seconds:g} s"
            return task, error(f"Judging took longer than {limit} and was stopped.")
        try:
            return task, self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(5)
            code = self.process.exitcode
            return task, error(f"The process that judged this file died (exit {code}).")

    @property
    def usable(self) -> bool:
        return self.process.is_alive()

    def stop(self) -> None:
        """End the child: by itself when it is idle, so that it cleans up; else hard."""
        # Semaphores of its libraries would outlive a killed child, and the user
        # would read of them when the command ends.
        self.pipe.close()
        if self.task is None:
            self.process.join(STOP_SECONDS)
        self.process.kill()
        self.process.join()


def _serve(pipe: Connection, judge: Judge) -> None:
    """The child: judge what comes through the pipe until its other end closes."""
    # Whatever a library writes may repeat values of the file.
    logging.disable(logging.CRITICAL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with suppress(EOFError, OSError):
        while True:
            task, seconds = pipe.recv()
            # When the parent was killed, nobody else ends a judge that hangs.
            signal.alarm(math.ceil(seconds) + 5)
            judgement = _answer(judge, task)
            signal.alarm(0)
            pipe.send(judgement)


def _answer(judge: Judge, task: Task) -> Judgement | None:
    try:
        return judge(task)
    except Exception as failure:
        return error(f"The judge raised {type(failure).__name__}.")


def _judge_all(
    codes: Iterable[str],
    next_task: Callable[[str], Task | None],
    judge: Judge,
    workers: int,
    seconds: float,
) -> Iterator[tuple[Task, Judgement | None]]:
    """Judge the tasks of all exports, at most one of an export at a time.

    `next_task(code)` is asked only after the caller took the export's task before:
    the history of a file includes the verdict on the file before it.
    """
    waiting = deque(codes)
    while waiting and not workers:
        task = next_task(waiting[0])
        if task is None:
            waiting.popleft()
        else:
            yield task, _answer(judge, task)
    pool: list[_Worker] = []
    try:
        while True:
            idle = [worker for worker in pool if worker.task is None]
            while waiting and (idle or len(pool) < workers):
                task = next_task(waiting.popleft())
                if task is None:
                    continue
                if idle:
                    worker = idle.pop()
                else:
                    worker = _Worker(judge)
                    pool.append(worker)
                worker.start(task, seconds)
            busy = [worker for worker in pool if worker.task is not None]
            if not busy:
                return
            for worker in _finished(busy):
                task, judgement = worker.take()
                if not worker.usable:
                    pool.remove(worker)
                    worker.stop()
                yield task, judgement
                waiting.appendleft(task.export_code)
    finally:
        for worker in pool:
            worker.pipe.close()
        for worker in pool:
            worker.stop()


def _finished(busy: list[_Worker]) -> list[_Worker]:
    """The workers that answered, died or are over their time; waits for the first."""
    nearest = min(worker.deadline for worker in busy) - time.monotonic()
    ready = wait([worker.pipe for worker in busy], max(nearest, 0.0))
    now = time.monotonic()
    return [each for each in busy if each.pipe in ready or each.deadline <= now]
