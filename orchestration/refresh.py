"""One refresh, stage by stage: prepare, ingest, gate, build, publish, notify.

`Run` holds the lock while it is open and keeps what one stage hands to the next. The
Dagster assets and the command line drive the same object; it knows neither of them.
Here: the order of the stages, the run's row in the ledger, its log file and report.
Not here: what a stage does (`ingest`, `gate`, `build`, `publish`), or how a report
looks (`report`).
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from orchestration import exits
from orchestration.contract import Export, declared_fields, load_contracts
from orchestration.faults import faultpoint
from orchestration.freshness import ExportState, export_states
from orchestration.ledger import Ledger, utc_now, utc_text
from orchestration.locks import Busy, run_lock
from orchestration.locks import Held as Lease
from orchestration.registers import check_registers
from orchestration.scaffold import need_decisions
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.build import Project

STAGES = ("prepare", "ingest", "gate", "build", "publish", "notify")

# run outcome -> exit code of `takt refresh`
EXIT_CODES = {
    "published": exits.PUBLISHED,
    "published_held": exits.HELD,
    # While a version is pinned, not publishing is what was asked for.
    "audited": exits.PUBLISHED,
    "failed": exits.FAILED,
    "busy": exits.BUSY,
}

logger = logging.getLogger("takt")


class StageOrderError(RuntimeError):
    """A stage was asked for before the ones it rests on were done in this run."""


class Observer:
    """What a caller hears of a run; does nothing unless overridden."""

    def stage_started(self, stage: str) -> None:
        """The stage begins."""

    def progress(self, stage: str, item: str, done: int, total: int) -> None:
        """`done` of `total` pieces of the stage are finished; `item` was the last."""

    def stage_ended(self, report: StageReport) -> None:
        """The stage is done."""


@dataclass(frozen=True)
class StageReport:
    """What one stage did: figures, and the files a person should know of."""

    stage: str
    seconds: float
    counts: dict[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """A file that is not admitted; the admitted ones of its export stand."""

    export_code: str
    reason: str
    path: str
    message: str
    data_as_of: datetime | None


@dataclass
class RefreshReport:
    """How a run went; also written as JSON beside the run's log."""

    run_id: str
    as_of: datetime
    log_path: Path
    outcome: str = "running"
    stages: list[StageReport] = field(default_factory=list)
    states: list[ExportState] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    version: int | None = None
    folder: Path | None = None
    message: str | None = None

    @property
    def exit_code(self) -> int:
        return EXIT_CODES.get(self.outcome, exits.FAILED)

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=2, default=str)


def new_run_id(now: datetime) -> str:
    """Sortable by time, unique across processes."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def why_held(ledger: Ledger, export: Export, state: ExportState) -> list[Held]:
    """The files that hold an export back, each with its reason in one line."""
    from orchestration.gate import reason_of

    found = []
    for one in ledger.held_files(export):
        file, reason, message = one.file, "gate_failed", "not judged yet"
        if one.is_refused:
            reason = "refused"
            message = f"{file['refusal_code']}: {file['refusal_message']}"
        elif one.verdict is not None:
            message = reason_of(one.verdict) or one.verdict.verdict
        path = str(file["path"])
        found.append(Held(export.code, reason, path, message, state.data_as_of))
    return found


class Run:
    """A refresh in progress; a context manager that holds the run lock.

    Raises Busy on entry when another run is at work. Any exception inside ends the
    run as failed; a run that publishes nothing leaves the published version alone.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        as_of: datetime | None = None,
        observer: Observer | None = None,
        run_id: str | None = None,
    ) -> None:
        now = utc_now()
        self.settings = settings
        self.observer = observer or Observer()
        self.run_id = run_id or new_run_id(now)
        moment = (as_of or settings.as_of or now).astimezone(UTC)
        self.as_of = moment.replace(microsecond=0)
        self.report = RefreshReport(
            self.run_id, self.as_of, settings.logs / f"{self.run_id}.log"
        )
        self.project: Project | None = None
        self.manifest: Mapping[str, Any] = {}
        self._exports: Sequence[Export] | None = None
        self.candidate: Any = None
        self._ingested: set[str] = set()
        self._gated: set[str] = set()
        self._ledger: Ledger | None = None
        self._lease: Lease | None = None
        self._stack = ExitStack()

    # ------------------------------------------------------------ lock and log

    def __enter__(self) -> Run:
        with ExitStack() as stack:
            stack.enter_context(_log_to(self.report.log_path))
            self._ledger = stack.enter_context(Ledger.open(self.settings.ledger_path))
            try:
                self._lease = stack.enter_context(
                    run_lock(self.settings, self._ledger, self.run_id)
                )
            except Busy as busy:
                self._ledger.start_run(self.run_id, self.as_of, os.getpid())
                self._end("busy", str(busy))
                raise
            self._ledger.start_run(self.run_id, self.as_of, os.getpid())
            logger.info("run %s as of %s", self.run_id, utc_text(self.as_of))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            if error is not None:
                self.fail(error)
            if self.report.outcome == "running":
                self._conclude()
            faultpoint("run.before_end")
            self._end(self.report.outcome, self.report.message)

    def _conclude(self) -> None:
        """The outcome of a run in which nothing failed."""
        report = self.report
        if report.version is not None:
            report.outcome = "published_held" if report.held else "published"
        elif self.candidate is not None:
            report.outcome = "audited"
        else:
            # A part of the stages, asked for on its own: nothing was to be published.
            done = ", ".join(stage.stage for stage in report.stages)
            report.outcome = "audited"
            report.message = f"a part of a run: {done or 'nothing'}; nothing published"

    def _end(self, outcome: str, message: str | None) -> None:
        self.report.outcome, self.report.message = outcome, message
        logger.info("%s %s", outcome, message or "")
        self.ledger.end_run(self.run_id, outcome, message)
        path = self.report.log_path.with_suffix(".json")
        path.write_text(self.report.as_json() + "\n", encoding="utf-8")

    def fail(self, error: BaseException) -> None:
        """Note the first failure of the run; later ones follow from it."""
        if self.report.outcome != "running":
            return
        self.report.outcome = "failed"
        kind = type(error).__name__
        # Dagster turns Ctrl-C into an exception of its own.
        is_interrupt = kind in {"KeyboardInterrupt", "DagsterExecutionInterruptedError"}
        self.report.message = "interrupted" if is_interrupt else str(error) or kind
        logger.error("%s", "".join(traceback.format_exception(error)))

    # ------------------------------------------------------------ what is known

    @property
    def ledger(self) -> Ledger:
        if self._ledger is None:
            raise StageOrderError("the run is not open")
        return self._ledger

    @property
    def lease(self) -> Lease:
        if self._lease is None:
            raise StageOrderError("the run is not open")
        return self._lease

    @property
    def exports(self) -> Sequence[Export]:
        if self._exports is None:
            raise StageOrderError("prepare comes first")
        return self._exports

    def _some(self, codes: Collection[str] | None) -> list[Export]:
        return [one for one in self.exports if codes is None or one.code in codes]

    @contextmanager
    def _stage(self, stage: str) -> Iterator[_Tally]:
        """Time a stage, tell the ledger and the observer, and note a failure."""
        started = time.monotonic()
        self.ledger.set_stage(self.run_id, stage)
        self.observer.stage_started(stage)
        tally = _Tally()
        try:
            yield tally
        except BaseException as error:
            self.fail(error)
            raise
        seconds = time.monotonic() - started
        report = StageReport(stage, seconds, tally.counts, tuple(tally.notes))
        self.report.stages.append(report)
        logger.info("%s %.1f s %s", stage, seconds, json.dumps(tally.counts))
        for note in tally.notes:
            logger.warning("%s", note)
        self.observer.stage_ended(report)

    def _progress(self, stage: str) -> Callable[[str, int, int], None]:
        def tell(item: str, done: int, total: int) -> None:
            self.lease.beat()
            self.observer.progress(stage, item, done, total)

        return tell

    # ------------------------------------------------------------ stages

    def prepare(self) -> Mapping[str, Any]:
        """Finish what a killed run left; parse the project, check its registers."""
        from orchestration.build import expected_nodes, parse_project
        from orchestration.publish import recover
        from orchestration.query import published_history

        with self._stage("prepare") as tally:
            recovery = recover(self.settings, self.ledger, self.run_id)
            tally.notes += recovery.notes
            tally.notes += [
                f"run {run_id} ended without saying so; nothing of it was published"
                for run_id in recovery.dead_runs
            ]
            need_decisions(self.settings.project)
            self.project = parse_project(self.settings)
            self.manifest = self.project.contents
            self._exports = load_contracts(self.manifest)
            check_registers(
                self.settings.project / "seeds",
                declared_fields(self._exports),
                published_history(self.settings),
            )
            kinds = [
                node["resource_type"] for node in expected_nodes(self.manifest).values()
            ]
            tally.counts["exports"] = len(self._exports)
            for kind in ("seed", "model", "test"):
                tally.counts[f"{kind}s"] = kinds.count(kind)
        return self.manifest

    def ingest(self, codes: Collection[str] | None = None) -> Any:
        """Claim, type and record new files, of some exports or of all."""
        from orchestration.ingest import ingest_arrivals

        with self._stage("ingest") as tally:
            exports = self._some(codes)
            found = ingest_arrivals(
                self.settings,
                self.ledger,
                exports,
                self.run_id,
                self._progress("ingest"),
            )
            parts = found.exports.values()
            for name in ("seen", "known", "loaded", "refused"):
                tally.counts[f"files {name}"] = sum(getattr(p, name) for p in parts)
            for name in ("rows", "rejected", "duplicates"):
                tally.counts[name] = sum(getattr(p, name) for p in parts)
            for code, part in sorted(found.exports.items()):
                tally.notes += _grouped(code, part.refusals)
            tally.notes += _grouped(
                "not read",
                [(path, "no export declares it") for path in found.unexpected],
            )
            tally.notes += _grouped(
                "not read", [(path, "still being written") for path in found.waiting]
            )
            self._ingested |= {export.code for export in exports}
        return found

    def gate(self, codes: Collection[str] | None = None) -> Any:
        """Judge every batch without a verdict, and see how each export stands."""
        from orchestration.gate import judge_new

        with self._stage("gate") as tally:
            exports = self._some(codes)
            judged = judge_new(
                self.settings, self.ledger, exports, self.run_id, self._progress("gate")
            )
            tally.counts["judged"] = len(judged.judged)
            tally.counts |= judged.counts()
            states = export_states(self.ledger, self.exports, self.as_of)
            self.report.states = states
            self.report.held = [
                held
                for export, state in zip(self.exports, states, strict=True)
                for held in why_held(self.ledger, export, state)
            ]
            codes_held = {one.export_code for one in self.report.held}
            tally.counts["exports held back"] = len(codes_held)
            self._gated |= {export.code for export in exports}
        return judged

    def build(self) -> Any:
        """Build and audit a candidate from the admitted batches."""
        from orchestration.build import build_candidate

        with self._stage("build") as tally:
            self._need_every_export()
            self.candidate = build_candidate(
                self.settings,
                self.ledger,
                self.exports,
                self.run_id,
                self.as_of,
                self._progress("build"),
                project=self.project,
            )
            kinds = [node.resource_type for node in self.candidate.run_results]
            for kind in ("seed", "model", "test"):
                tally.counts[f"{kind}s"] = kinds.count(kind)
            tally.counts["batches"] = len(self.candidate.batches)
            tally.notes += [
                f"data test {name} warns" for name in self.candidate.warnings
            ]
        return self.candidate

    def publish(self) -> Any:
        """Publish the candidate of this run as a new version, unless pinned."""
        from orchestration.publish import publish

        with self._stage("publish") as tally:
            self._need_every_export()
            if self.candidate is None:
                raise StageOrderError(
                    "nothing was built in this run: start the whole job, a version is "
                    "published only by the run that built it"
                )
            done = publish(
                self.settings,
                self.ledger,
                self.candidate,
                token=self.lease.token,
                on_progress=self._progress("publish"),
            )
            self.report.message = done.message
            if done.version is not None:
                self.report.version = done.version.number
                self.report.folder = done.version.path
                tally.counts["version"] = done.version.number
            tally.counts["marts"] = len(self.candidate.marts)
        return done

    def notify(self) -> Any:
        """Tell owners what changed; whatever goes wrong, the version is published."""
        from orchestration.notify import tell

        with self._stage("notify") as tally:
            as_of = self.as_of if self.report.version is not None else None
            try:
                told = tell(self.settings, self.ledger, self.run_id, as_of)
            except Exception as error:
                logger.exception("owners were not told")
                tally.notes.append(
                    f"owners were not told ({type(error).__name__}); the next run "
                    "tells them, the log has the details"
                )
                return None
            tally.counts["messages"] = told.due
            tally.counts["digests delivered"] = told.delivered
            tally.counts["digests not delivered"] = told.failed
            tally.notes += told.notes
        return told

    def _need_every_export(self) -> None:
        """A version is made of all exports, each ingested and judged by this run."""
        missing = {one.code for one in self.exports} - (self._ingested & self._gated)
        if missing:
            raise StageOrderError(
                f"not ingested and judged in this run: {', '.join(sorted(missing))}; "
                "a version is built whole: start the job, or select every asset"
            )


@dataclass
class _Tally:
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def _grouped(prefix: str, files: Iterable[tuple[str, str]]) -> list[str]:
    """One line per message, not per file: a hundred files often share a reason."""
    paths: dict[str, list[str]] = {}
    for path, message in files:
        paths.setdefault(message, []).append(path)
    return [
        f"{prefix}: {some[0]}{f' and {len(some) - 1} more' if some[1:] else ''}: "
        f"{message}"
        for message, some in paths.items()
    ]


@contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Send what the project logs to the run's own file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = True
        handler.close()


@contextmanager
def exclusive(settings: Settings) -> Iterator[Ledger]:
    """The ledger, with the run lock: for what moves or deletes versions by hand.

    Raises Busy while a run is at work.
    """
    with Ledger.open(settings.ledger_path) as ledger:
        name = f"by-hand-{new_run_id(utc_now())}"
        with run_lock(settings, ledger, name):
            yield ledger
