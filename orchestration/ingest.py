"""Ingest: claim every new export file once and bring it into the lake.

A file is found by its contract's pattern, waited for until it stands still, copied
once into a private folder while it is hashed, and read from there in a child process.
What comes out is one immutable Parquet file of typed rows, one row in the ledger, and
rejects that say where and why. A file that cannot be used is refused with a reason;
the others go on. Killed anywhere, the next run converges: a batch exists once its
ledger row does, and the same bytes twice change nothing.

Not here: what formats look like (`readers/`), and whether a batch may be used (gate).
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import shutil
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from orchestration.contract import Export, FileName, PeriodError, split_revision
from orchestration.faults import faultpoint
from orchestration.ledger import Batch, Ledger, utc_now, utc_text
from orchestration.readers.base import Limits, Refusal, shown
from orchestration.readers.parse import Parsed, ParseTask
from orchestration.readers.pool import WORKERS, Outcome, ParserPool
from orchestration.settings import Settings, parse_size
from orchestration.sidecar import MOST_BYTES, SUFFIX, Manifest

# A file untouched for so long is not being written any more.
QUIET_SECONDS = 60.0
CHUNK = 2**20
LEAST_MEMORY = 256 * 2**20
KEY_FACT = "pii_key_fingerprint"

# (export code, files done, files to do) of one export.
Progress = Callable[[str, int, int], None]


class IngestError(RuntimeError):
    """The machine or its set-up, not a file, keeps files from being read."""


class _NotReadyError(Exception):
    """A file changed or vanished while it was claimed: next run."""


@dataclass(frozen=True)
class Arrival:
    """One file below the exports root that belongs to one export.

    `path` is for people and the ledger, `parts` are the real names on disk. `name` is
    None and `problem` is set where the file must not be opened. `manifest` tells
    whether and which manifest lies beside it: empty, or the facts of that file.
    """

    export: Export
    path: str
    parts: tuple[str, ...]
    name: FileName | None
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    problem: Refusal | None = None
    manifest: str = ""


@dataclass
class ExportReport:
    """What one run did with the files of one export.

    `known` files were dealt with by an earlier run, or hold bytes that are loaded
    already; `seen` = `known` + `loaded` + `refused` + those still being written. Rows
    are those of files loaded now: `rows` in the lake, `rejected`, `duplicates`.
    `refusals` are (path, message).
    """

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
    """What one run did, by export code.

    `unexpected` are paths that no contract declares, `waiting` files still being
    written: the next run takes them.
    """

    exports: dict[str, ExportReport] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


# ---------------------------------------------------------------- discovery


def discover(
    settings: Settings, exports: Iterable[Export]
) -> tuple[list[Arrival], list[str]]:
    """Every path below the exports root that matches a contract, by path; the others.

    A name of any kind is returned, so that a link or pipe is refused and not
    overlooked. Nothing is opened and no link is followed. Names are data: they are
    compared with the contracts' patterns and never become a pattern or statement.
    Raises IngestError if there is no exports root.
    """
    exports = list(exports)
    root = settings.exports
    if not root.is_dir():
        raise IngestError(f"{root}: no exports folder. Create it, or set TAKT_EXPORTS")
    found: list[Arrival] = []
    others: list[str] = []
    there = dict(_walk(str(root), ()))
    for parts, status in there.items():
        if parts[-1].endswith(SUFFIX) and _without_suffix(parts) in there:
            continue
        path = printable("/".join(parts))
        beside = there.get((*parts[:-1], parts[-1] + SUFFIX))
        manifest = "" if beside is None else repr(_facts(beside))
        arrivals = [
            replace(arrival, manifest=manifest)
            for export in exports
            if (arrival := _arrival(export, path, parts, status)) is not None
        ]
        found += arrivals
        if not arrivals and not parts[-1].startswith("."):
            others.append(path)
    found.sort(key=lambda arrival: (arrival.path, arrival.export.code))
    return found, others


def _without_suffix(parts: tuple[str, ...]) -> tuple[str, ...]:
    return (*parts[:-1], parts[-1].removesuffix(SUFFIX))


def _facts(status: os.stat_result) -> tuple[int, int, int, int]:
    """What changes when a file is written again, even with the same bytes."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def printable(name: str) -> str:
    """A file name as text that any database and terminal can hold."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return shown(text, longest=4096)


def _walk(
    folder: str, parts: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            inner = (*parts, entry.name)
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(entry.path, inner)
                else:
                    yield inner, entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                # Gone since the folder was listed: not delivered.
                continue


def _arrival(
    export: Export, path: str, parts: tuple[str, ...], status: os.stat_result
) -> Arrival | None:
    name, problem = None, None
    try:
        name = export.match(path)
        if name is None and not _hides_folder(export, path, status):
            return None
    except PeriodError as error:
        problem = Refusal(
            "period", f"{error}: rename the file, or correct the pattern of the export"
        )
    if not stat.S_ISREG(status.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "no regular file"
        problem = Refusal("not_a_file", f"is {kind}: put the file itself there")
    return Arrival(
        export,
        path,
        parts,
        name,
        *_facts(status),
        problem,
    )


def _hides_folder(export: Export, path: str, status: os.stat_result) -> bool:
    """Whether a link stands where a folder of the export should be."""
    if not stat.S_ISLNK(status.st_mode):
        return False
    folder = PurePosixPath(export.files).parent
    return PurePosixPath(path) in {folder, *folder.parents}


# ---------------------------------------------------------------- the run


def ingest_arrivals(
    settings: Settings,
    ledger: Ledger,
    exports: Iterable[Export],
    run_id: str,
    on_progress: Progress | None = None,
    *,
    pool: ParserPool | None = None,
) -> IngestReport:
    """Bring every new file of `exports` into the lake; return what happened.

    `on_progress(export code, files done, files to do)` is called after each new file.
    The caller holds the run lock; `exports` names whose files are looked for.
    A fault of a file becomes a refusal in the ledger and the report. Raises
    IngestError when disk, memory or folders are at fault.
    """
    run = _Run(
        settings,
        ledger,
        list(exports),
        run_id,
        on_progress or (lambda code, done, total: None),
    )
    try:
        return run.run(pool)
    except OSError as error:
        raise IngestError(
            f"ingest stopped: {error.strerror or error} below {settings.home} or "
            f"{settings.exports}. What was loaded stays; correct it and run again"
        ) from error


class _Run:
    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        exports: list[Export],
        run_id: str,
        on_progress: Progress,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.exports = exports
        self.run_id = run_id
        self.on_progress = on_progress
        self.to_do: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.report = IngestReport({export.code: ExportReport() for export in exports})
        self.limits = limits_of(settings)
        key = settings.pii_key
        self.key = None if key is None else key.get_secret_value().encode()
        self.folder = settings.home / "ingest"
        self.claims: dict[tuple[str, ...], _Claim] = {}
        self.in_hand: dict[Path, tuple[Arrival, str, Manifest]] = {}
        self.users: dict[tuple[str, ...], int] = {}

    def run(self, pool: ParserPool | None) -> IngestReport:
        arrivals, self.report.unexpected = discover(self.settings, self.exports)
        for export in self.exports:
            here = [one.path for one in arrivals if one.export.code == export.code]
            self.ledger.mark_present(export, here)
        fresh = []
        for arrival in arrivals:
            self._count(arrival, "seen")
            if self._is_settled(arrival):
                self._count(arrival, "known")
            else:
                fresh.append(arrival)
        ready = self._ready(fresh)
        self.to_do = Counter(arrival.export.code for arrival in ready)
        if not ready:
            return self.report
        self._prepare_folder()
        try:
            self._load(ready, pool)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        return self.report

    def _count(self, arrival: Arrival, what: str, by: int = 1) -> None:
        report = self.report.exports[arrival.export.code]
        setattr(report, what, getattr(report, what) + by)

    def _prepare_folder(self) -> None:
        """An empty private folder; what a killed run left in it is worth nothing."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)

    # ------------------------------------------------------------ what is new

    def _is_settled(self, arrival: Arrival) -> bool:
        """Whether this very file was dealt with before, told without reading it."""
        last = self.ledger.last_sighting(arrival.export, arrival.path)
        if last is None or last["contract_hash"] != arrival.export.contract_hash:
            return False
        here = (arrival.size, arrival.mtime_ns, arrival.ctime_ns, arrival.inode)
        if here != (
            last["size_bytes"],
            last["mtime_ns"],
            last["ctime_ns"],
            last["inode"],
        ):
            return False
        if last["outcome"] == "refused":
            return last["reading_hash"] == self._reading_hash(arrival)
        batch = self.ledger.find_batch(arrival.export, last["sha256"], last["period"])
        return batch is not None and (self.settings.home / batch.lake_path).is_file()

    def _reading_hash(self, arrival: Arrival) -> str:
        """Everything that may turn a refusal into a success."""
        export = arrival.export
        facts = [export.contract_hash, repr(self.limits), self.settings.memory_limit]
        facts.append(arrival.manifest)
        if _hashes(export):
            facts.append(self._fingerprint() or "no key")
            facts.append(self.ledger.fact(KEY_FACT) or "first key")
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    def _fingerprint(self) -> str | None:
        if self.key is None:
            return None
        return hmac.new(self.key, b"takt pseudonym key", "sha256").hexdigest()[:16]

    def _ready(self, arrivals: list[Arrival]) -> list[Arrival]:
        """The arrivals that stand still: quiet for long, or equal over two polls."""
        now = time.time()

        def is_quiet(arrival: Arrival) -> bool:
            return now - arrival.mtime_ns / 1e9 > QUIET_SECONDS

        young = [a for a in arrivals if a.problem is None and not is_quiet(a)]
        if young:
            time.sleep(self.settings.settle_seconds)
        restless = {a.parts for a in young if not self._unchanged(a)}
        for arrival in arrivals:
            if arrival.parts in restless:
                self._not_ready(arrival)
        return [arrival for arrival in arrivals if arrival.parts not in restless]

    def _unchanged(self, arrival: Arrival) -> bool:
        path = self.settings.exports.joinpath(*arrival.parts)
        try:
            status = path.lstat()
        except OSError:
            return False
        return _same(arrival, status)

    def _not_ready(self, arrival: Arrival) -> None:
        if arrival.path not in self.report.waiting:
            self.report.waiting.append(arrival.path)

    # ------------------------------------------------------------ loading

    def _load(self, arrivals: list[Arrival], pool: ParserPool | None) -> None:
        workers = min(WORKERS, len(arrivals))
        memory = max(LEAST_MEMORY, parse_size(self.settings.memory_limit) // workers)
        threads = max(1, self.settings.threads // workers)
        self.users = {}
        for arrival in arrivals:
            self.users[arrival.parts] = self.users.get(arrival.parts, 0) + 1
        with pool or ParserPool(memory, workers) as parsers:
            tasks = self._tasks(arrivals, memory, threads)
            for task, outcome in parsers.run(tasks):
                arrival, sha256, manifest = self.in_hand.pop(task.lake)
                self._settle(arrival, sha256, manifest, task, outcome)
                task.lake.unlink(missing_ok=True)
                self._release(arrival)

    def _tasks(
        self, arrivals: list[Arrival], memory: int, threads: int
    ) -> Iterator[ParseTask]:
        """Claim one arrival after the other; yield those that must be read."""
        for number, arrival in enumerate(arrivals):
            try:
                claim = self._claim(arrival)
                manifest = self._manifest(arrival)
                manifest.check_bytes(claim.sha256)
                if self._is_known(arrival, claim):
                    self._release(arrival)
                    continue
                self._check_key(arrival.export)
            except Refusal as refusal:
                claimed = self.claims.get(arrival.parts)
                self._refuse(arrival, refusal, claimed.sha256 if claimed else None)
                self._release(arrival)
                continue
            except _NotReadyError:
                self._not_ready(arrival)
                self._release(arrival)
                continue
            lake = self.folder / f"{number}.parquet"
            self.in_hand[lake] = (arrival, claim.sha256, manifest)
            yield ParseTask(
                export=arrival.export,
                raw=claim.path,
                lake=lake,
                work=self.folder / f"{number}.work",
                limits=self.limits,
                pii_key=self.key if _hashes(arrival.export) else None,
                memory_limit=memory,
                threads=threads,
            )

    def _claim(self, arrival: Arrival) -> _Claim:
        """The private copy of a file, made once however many exports read it."""
        if arrival.problem is not None:
            raise arrival.problem
        claim = self.claims.get(arrival.parts)
        if claim is None:
            target = self.folder / f"{len(self.claims)}.raw"
            claim = claim_file(self.settings.exports, arrival, target)
            self.claims[arrival.parts] = claim
            faultpoint("ingest.after_claim")
        return claim

    def _manifest(self, arrival: Arrival) -> Manifest:
        if not arrival.manifest:
            return Manifest()
        name = arrival.parts[-1] + SUFFIX
        descriptor = _open_below(self.settings.exports, (*arrival.parts[:-1], name))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refusal("manifest", "has a manifest that is no regular file")
            return Manifest.of(file.read(MOST_BYTES))

    def _release(self, arrival: Arrival) -> None:
        """One arrival is done: tell, and forget its copy if no other needs it."""
        self.users[arrival.parts] -= 1
        code = arrival.export.code
        self.done[code] += 1
        self.on_progress(code, self.done[code], self.to_do[code])
        claim = self.claims.get(arrival.parts)
        if claim is not None and self.users[arrival.parts] == 0:
            claim.path.unlink(missing_ok=True)

    def _is_known(self, arrival: Arrival, claim: _Claim) -> bool:
        batch = self._batch_of(arrival, claim.sha256)
        if batch is None or not (self.settings.home / batch.lake_path).is_file():
            return False
        self._record_known(arrival, claim.sha256)
        return True

    def _batch_of(self, arrival: Arrival, sha256: str) -> Batch | None:
        assert arrival.name is not None
        return self.ledger.find_batch(arrival.export, sha256, arrival.name.period)

    def _check_key(self, export: Export) -> None:
        """Two keys in one lake would give one person two pseudonyms."""
        if not _hashes(export):
            return
        if self.key is None:
            raise Refusal(
                "pii_key",
                f"{export.code} has columns with pii: hash, and TAKT_PII_KEY is not "
                "set: set it, or declare them pii: drop",
            )
        known = self.ledger.fact(KEY_FACT)
        if known is not None and known != self._fingerprint():
            raise Refusal(
                "pii_key",
                "TAKT_PII_KEY is not the key of the pseudonyms that are already in the "
                "lake: set that key again, or start with an empty TAKT_HOME",
            )

    # ------------------------------------------------------------ outcomes

    def _settle(
        self,
        arrival: Arrival,
        sha256: str,
        manifest: Manifest,
        task: ParseTask,
        outcome: Outcome,
    ) -> None:
        try:
            if isinstance(outcome, Refusal):
                raise outcome
            manifest.check_rows(outcome.rows_in)
        except Refusal as refusal:
            self._refuse(arrival, refusal, sha256)
            return
        known = self._batch_of(arrival, sha256)
        if known is not None and known.lake_sha256 != outcome.lake_sha256:
            self._refuse(
                arrival,
                Refusal(
                    "lake_mismatch",
                    f"no longer gives the rows of batch {known.seq}, whose lake file "
                    "is lost: restore the lake, or start with an empty TAKT_HOME",
                ),
                sha256,
            )
            return
        self._into_lake(arrival.export, sha256, task.lake)
        if known is not None:
            self._record_known(arrival, sha256)
            return
        self._record_loaded(arrival, sha256, outcome)
        faultpoint("ingest.after_ledger")

    def _into_lake(self, export: Export, sha256: str, path: Path) -> None:
        faultpoint("ingest.before_lake")
        target = self.settings.home / lake_path(export, sha256)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o400)
        path.replace(target)
        sync_folder(target.parent)
        faultpoint("ingest.after_lake")

    def _record_loaded(self, arrival: Arrival, sha256: str, parsed: Parsed) -> None:
        export = arrival.export
        assert arrival.name is not None
        with self.ledger.transaction():
            file_id = self._record_file(arrival, sha256, "loaded")
            self.ledger.record_batch(
                parsed.rejects,
                batch_id=sha256,
                source=export.source,
                export=export.name,
                contract_hash=export.contract_hash,
                file_id=file_id,
                lake_path=lake_path(export, sha256),
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
            if _hashes(export) and self.ledger.fact(KEY_FACT) is None:
                self.ledger.set_fact(KEY_FACT, str(self._fingerprint()))
        self._count(arrival, "loaded")
        self._count(arrival, "rows", parsed.loaded)
        self._count(arrival, "rejected", parsed.rejected)
        self._count(arrival, "duplicates", parsed.duplicates)

    def _record_known(self, arrival: Arrival, sha256: str) -> None:
        self._record_file(arrival, sha256, "known")
        self._count(arrival, "known")

    def _refuse(self, arrival: Arrival, refusal: Refusal, sha256: str | None) -> None:
        self._record_file(arrival, sha256, "refused", refusal)
        self._count(arrival, "refused")
        refusals = self.report.exports[arrival.export.code].refusals
        refusals.append((arrival.path, refusal.message))

    def _record_file(
        self,
        arrival: Arrival,
        sha256: str | None,
        outcome: str,
        refusal: Refusal | None = None,
    ) -> int:
        export, name = arrival.export, arrival.name
        logical_name, revision = split_revision(arrival.path)
        return self.ledger.record_file(
            source=export.source,
            export=export.name,
            path=arrival.path,
            logical_name=logical_name,
            revision=revision,
            period=name.period if name else None,
            covers_until=utc_text(name.covers_until)
            if name and name.covers_until
            else None,
            sha256=sha256,
            contract_hash=export.contract_hash,
            reading_hash=self._reading_hash(arrival),
            size_bytes=arrival.size,
            mtime_ns=arrival.mtime_ns,
            ctime_ns=arrival.ctime_ns,
            inode=arrival.inode,
            outcome=outcome,
            refusal_code=refusal.code if refusal else None,
            refusal_message=refusal.message if refusal else None,
            first_seen_at=utc_text(utc_now()),
            run_id=self.run_id,
        )


def _hashes(export: Export) -> bool:
    return any(column.pii == "hash" for column in export.columns)


def limits_of(settings: Settings) -> Limits:
    """The limits of a single file, as the settings say."""
    return Limits(
        ratio=settings.limit_ratio,
        unpacked=settings.unpacked_bytes,
        record=settings.record_bytes,
        columns=settings.limit_columns,
        xlsx_entries=settings.limit_xlsx_entries,
        xlsx_unpacked=settings.xlsx_unpacked_bytes,
        xlsx_columns=settings.limit_xlsx_columns,
    )


def lake_path(export: Export, sha256: str) -> str:
    """Where a batch lies, relative to the home folder: named by its bytes alone."""
    name = f"{sha256}-{export.contract_hash[:8]}.parquet"
    return f"lake/{export.source}/{export.name}/{name}"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- claiming


@dataclass(frozen=True)
class _Claim:
    """The private copy of a dropped file; only this is ever read."""

    path: Path
    sha256: str


def claim_file(root: Path, arrival: Arrival, target: Path) -> _Claim:
    """Copy a dropped file to `target` (0600, new) while hashing it, reading it once.

    The file itself is never touched. Raises Refusal for a link, a device or a file
    with a second name; _NotReadyError if it changes or vanishes meanwhile.
    """
    descriptor = _open_below(root, arrival.parts)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Refusal("not_a_file", "is no regular file: put the file itself there")
        if before.st_nlink != 1:
            raise Refusal("hard_link", "has a second name (hard link): copy it instead")
        if not _same(arrival, before):
            raise _NotReadyError
        digest = hashlib.sha256()
        private = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(private, "wb") as copy:
            while chunk := os.read(descriptor, CHUNK):
                digest.update(chunk)
                copy.write(chunk)
        if not _same(arrival, os.fstat(descriptor)):
            target.unlink()
            raise _NotReadyError
    finally:
        os.close(descriptor)
    return _Claim(target, digest.hexdigest())


def _same(arrival: Arrival, status: os.stat_result) -> bool:
    return (arrival.size, arrival.mtime_ns, arrival.inode) == (
        status.st_size,
        status.st_mtime_ns,
        status.st_ino,
    )


def _open_below(root: Path, parts: tuple[str, ...]) -> int:
    """Open a file below `root` step by step, following no link on the way.

    O_NONBLOCK: opening a FIFO would otherwise wait for a writer for ever.
    """
    if not parts or {"", ".", ".."} & set(parts):
        raise Refusal("not_a_file", "is no path below the exports folder")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = inner
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(parts[-1], flags, dir_fd=folder)
    except OSError as error:
        raise _claim_problem(error) from None
    finally:
        os.close(folder)


def _claim_problem(error: OSError) -> Exception:
    if error.errno == errno.ENOENT:
        return _NotReadyError()
    if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}:
        return Refusal("not_a_file", "is a link or device: put the file itself there")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Refusal("permission", "may not be read: give the pipeline access")
    return error
