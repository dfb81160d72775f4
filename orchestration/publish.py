"""Published versions: immutable folders, of which one link says which is current.

Here: writing a version from an audited candidate, deciding it in the ledger, moving
the link, and what follows: recovery after a crash, verification, going back, pinning,
deleting old versions. Not here: building (`orchestration/build.py`) and reading
(`orchestration/query.py`).

The ledger decides, the link follows. A folder is written under a hidden name, synced,
made read-only, read back by a process of its own and renamed to its number; one
transaction records it and moves the pointer; only then the link is replaced. Killed
anywhere, `recover` finishes what was decided and removes what was not.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration import readback
from orchestration.build import (
    Candidate,
    check_used,
    discard,
    mart_nodes,
    refuse_wal,
)
from orchestration.code_version import sha256_of
from orchestration.faults import faultpoint
from orchestration.ledger import Ledger, utc_now, utc_text
from orchestration.ledger import Version as VersionRow
from orchestration.publications import append_publications
from orchestration.readback import MARTS_FILE, literal, quoted
from orchestration.settings import Settings

MANIFEST_FILE = "manifest.json"
SCORECARD = "scorecard"
CURRENT = "current"

# Old enough for DuckDB 1.2 clients to open what 2.0 writes.
STORAGE_VERSION = "v1.2.0"

KEEP_NEWEST = 14
KEEP_DAYS = 30
KEEP_MONTH_ENDS = 13
# A superseded batch may be wanted again while its successor is still argued about.
KEEP_LAKE_DAYS = 30

_ASIDE = ".gone-"
_READ_BACK_SECONDS = 3600


class PublishRefused(Exception):
    """Nothing was published or moved. `reasons` has one text for people each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = list(reasons)
        super().__init__("\n".join(self.reasons))


@dataclass(frozen=True)
class Version:
    """One version on disk, as the ledger knows it."""

    number: int
    path: Path
    run_id: str
    as_of: datetime
    published_at: datetime
    code_version: str
    state: str
    is_current: bool
    is_pinned: bool


@dataclass(frozen=True)
class Publication:
    """What became of a candidate: a new version, or none while one is pinned."""

    version: Version | None
    message: str


@dataclass(frozen=True)
class Verification:
    """What re-hashing a version found; no problems means that it is intact."""

    version: int | None
    files: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class Recovery:
    """What the start of a run had to finish or remove."""

    finished_flip: int | None
    removed: tuple[str, ...]
    dead_runs: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pruned:
    """What `prune` deleted, or would delete."""

    versions: tuple[int, ...]
    lake_files: tuple[str, ...]
    freed_bytes: int


def versions_folder(settings: Settings) -> Path:
    return settings.published / "versions"


def version_path(settings: Settings, number: int) -> Path:
    return versions_folder(settings) / str(number)


# ------------------------------------------------------------------ publish


def publish(
    settings: Settings,
    ledger: Ledger,
    candidate: Candidate,
    *,
    token: str | None = None,
    on_progress: Any = None,
) -> Publication:
    """Turn an audited candidate into the current version.

    `token` is the lease of the run; the deciding transaction checks it. While a
    version is pinned nothing is written. `on_progress(step, done, total)` is called
    after each step. Raises PublishRefused, BuildRefused when an admission changed
    since the build, or LeaseLostError; `current` is then as it was.
    """
    pointer = ledger.pointer()
    if pointer.pinned:
        reason = f" ({pointer.pinned_reason})" if pointer.pinned_reason else ""
        return Publication(
            None,
            f"Version {pointer.version} is pinned{reason}: the candidate was audited "
            "and not published. `takt unpin` lets the next run publish.",
        )
    step = _Steps(on_progress, len(candidate.marts) + 5)
    refuse_wal(candidate.path)
    check_used(ledger, candidate.batches, candidate.exports)
    _make_published(settings)
    number = _next_number(settings, ledger)
    hidden = versions_folder(settings) / f".{candidate.run_id}"
    target = version_path(settings, number)
    decided = False
    try:
        _remove_tree(hidden)
        hidden.mkdir(mode=0o755)
        manifest_sha256, code = _write(
            settings, ledger, candidate, hidden, number, step
        )
        faultpoint("publish.after_seal")
        _read_back(candidate, hidden)
        step("read back")
        faultpoint("publish.after_read_back")

        check_used(ledger, candidate.batches, candidate.exports)
        faultpoint("publish.before_rename")
        hidden.rename(target)
        _sync_folder(target.parent)
        faultpoint("publish.after_rename")
        with ledger.transaction():
            if token is not None:
                ledger.check_lease(token)
            ledger.record_version(
                run_id=candidate.run_id,
                as_of=candidate.as_of,
                code_version=code,
                manifest_sha256=manifest_sha256,
                version=number,
            )
            append_publications(ledger, candidate, number)
            ledger.set_pointer(number)
            faultpoint("publish.inside_decision")
        decided = True
    finally:
        if not decided:
            _remove_tree(hidden)
            _remove_tree(target)
    step("decided")
    faultpoint("publish.before_flip")
    _flip(settings, number)
    faultpoint("publish.after_flip")
    discard(settings.build)
    faultpoint("publish.before_backup")
    ledger.backup(settings.home / "backups")
    step("published")
    return Publication(
        _require(settings, ledger, number), f"Version {number} is published."
    )


def _write(
    settings: Settings,
    ledger: Ledger,
    candidate: Candidate,
    hidden: Path,
    number: int,
    step: _Steps,
) -> tuple[str, str]:
    """Fill, sync and seal the hidden folder; (hash of its manifest, code version)."""
    # The pages read the marts as `query` does, which reads what is published here.
    from orchestration.scorecard import facts
    from orchestration.scorecard.site import build_site

    faultpoint("publish.before_copy")
    code = candidate.code
    _write_marts(settings, candidate, hidden, number, code["version"], step)
    faultpoint("publish.after_parquet")
    seen = facts.collect(ledger, candidate, settings.timezone)
    _write_json(hidden / facts.FACTS_FILE, seen)
    build_site(hidden / MARTS_FILE, seen, hidden / SCORECARD)
    step("scorecard")
    faultpoint("publish.after_scorecard")
    manifest = _manifest(settings, candidate, hidden, number, code)
    _write_json(hidden / MANIFEST_FILE, manifest)
    faultpoint("publish.after_manifest")
    manifest_sha256 = sha256_of(hidden / MANIFEST_FILE)
    _seal(hidden)
    step("sealed")
    return manifest_sha256, code["version"]


class _Steps:
    """Counts the steps of a publication for whoever wants to watch."""

    def __init__(self, on_progress: Any, total: int) -> None:
        self.on_progress, self.total, self.done = on_progress, total, 0

    def __call__(self, name: str) -> None:
        self.done += 1
        if self.on_progress is not None:
            self.on_progress(name, self.done, self.total)


def _next_number(settings: Settings, ledger: Ledger) -> int:
    """The ledger's next number, above every folder that is already there.

    After a lost ledger the folders are the only memory of the numbers used.
    """
    taken = [int(p.name) for p in _numbered(settings)]
    return max([ledger.next_version(), *(number + 1 for number in taken)])


def _numbered(settings: Settings) -> list[Path]:
    root = versions_folder(settings)
    if not root.is_dir():
        return []
    return [p for p in root.iterdir() if p.name.isascii() and p.name.isdigit()]


def _make_published(settings: Settings) -> None:
    settings.published.mkdir(parents=True, exist_ok=True, mode=0o755)
    # Readers go through home to the versions; the rest of it is closed to them.
    settings.home.chmod(0o711)
    for folder in (settings.lake, settings.build, settings.logs, settings.dbt_target):
        if folder.is_dir():
            folder.chmod(stat.S_IRWXU)
    versions_folder(settings).mkdir(exist_ok=True, mode=0o755)
    link = settings.published / CURRENT
    if link.exists() and not link.is_symlink():
        raise PublishRefused(
            [f"{link} is not a link. Move it away and start the run again."]
        )


def _write_marts(
    settings: Settings,
    candidate: Candidate,
    folder: Path,
    number: int,
    code: str,
    step: _Steps,
) -> None:
    marts_path = folder / MARTS_FILE
    nodes = mart_nodes(candidate.manifest)
    options = readback.engine_options(settings.memory_limit, settings.threads)
    options["temp_directory"] = str(candidate.path.parent / "spill")
    with duckdb.connect(config=options) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(candidate.path)} as candidate (read_only)")
        connection.execute(
            f"attach {literal(marts_path)} as marts "
            f"(storage_version {literal(STORAGE_VERSION)})"
        )
        for name in candidate.marts:
            relation = f"marts.main.{quoted(name)}"
            # With its descriptions: alone, each of them waits for the disk.
            connection.begin()
            connection.execute(
                f"create table {relation} as select * "
                f"from candidate.main.{quoted(name)}"
            )
            _describe(connection, relation, candidate.marts[name], nodes.get(name, {}))
            connection.commit()
            faultpoint("publish.after_mart")
            step(name)
        connection.execute(
            "create table marts.main.takt_version as select "
            "cast(? as bigint) as version, cast(? as varchar) as run_id, "
            "cast(? as timestamp) as as_of, cast(? as varchar) as code_version",
            [
                number,
                candidate.run_id,
                candidate.as_of.astimezone(UTC).replace(tzinfo=None),
                code,
            ],
        )
        connection.execute("checkpoint marts")
        connection.execute("detach marts")
    refuse_wal(marts_path)
    faultpoint("publish.after_marts")
    with duckdb.connect(str(marts_path), read_only=True, config=options) as marts:
        for name in candidate.marts:
            target = literal(folder / f"{name}.parquet")
            marts.execute(
                f"copy (select * from main.{quoted(name)}) to {target} "
                "(format parquet, compression zstd)"
            )


def _describe(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    seen: Mapping[str, Any],
    node: Mapping[str, Any],
) -> None:
    """Put the descriptions of a mart and its columns into the file itself."""
    if node.get("description"):
        connection.execute(
            f"comment on table {relation} is {literal(node['description'])}"
        )
    columns = node.get("columns") or {}
    for column in seen["columns"]:
        text = (columns.get(column) or {}).get("description")
        if text:
            connection.execute(
                f"comment on column {relation}.{quoted(column)} is {literal(text)}"
            )


def _manifest(
    settings: Settings,
    candidate: Candidate,
    folder: Path,
    number: int,
    code: Mapping[str, Any],
) -> dict[str, Any]:
    lock = settings.project / "uv.lock"
    batches = [
        {
            "source": used.batch.source,
            "export": used.batch.export,
            "period": used.batch.period,
            "file": Path(used.batch.lake_path).name,
            "lake_path": used.batch.lake_path,
            "raw_sha256": used.batch.batch_id,
            "lake_sha256": used.batch.lake_sha256,
            "contract_hash": used.batch.contract_hash,
            "verdict": used.verdict.verdict,
            "suite_hash": used.verdict.suite_hash,
            "rows_in": used.batch.rows_in,
            "loaded": used.batch.loaded,
            "rejected": used.batch.rejected,
            "duplicates": used.batch.duplicates,
        }
        for used in candidate.batches
    ]
    return {
        "version": number,
        "run_id": candidate.run_id,
        "as_of": utc_text(candidate.as_of),
        "timezone": settings.timezone,
        "code": dict(code),
        "lock_sha256": sha256_of(lock) if lock.is_file() else None,
        "engine": f"duckdb {duckdb.__version__}",
        "warnings": list(candidate.warnings),
        "batches": sorted(
            batches,
            key=lambda b: (
                b["source"],
                b["export"],
                b["raw_sha256"],
                b["period"] or "",
            ),
        ),
        "row_counts": candidate.row_counts,
        "marts": candidate.marts,
        "files": {
            name: {"sha256": sha256_of(path), "bytes": path.stat().st_size}
            for name, path in sorted(_files(folder).items())
        },
    }


def _read_back(candidate: Candidate, folder: Path) -> None:
    """Let a fresh process read every column; raises PublishRefused if it differs."""
    done = subprocess.run(
        [sys.executable, "-P", str(Path(readback.__file__)), str(folder)],
        capture_output=True,
        text=True,
        timeout=_READ_BACK_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PublishRefused(
            [f"A fresh process cannot read the new version: {last}. Run again."]
        )
    found = json.loads(done.stdout)
    in_duckdb = dict(found["duckdb"])
    in_duckdb.pop("takt_version", None)
    reasons = []
    for kind, seen in ((MARTS_FILE, in_duckdb), ("Parquet", found["parquet"])):
        for name in sorted(set(seen) | set(candidate.marts)):
            if seen.get(name) != candidate.marts.get(name):
                reasons.append(
                    f"{name} read back from {kind} differs from the candidate: "
                    f"{_difference(candidate.marts.get(name), seen.get(name))}. "
                    "Nothing was published; run again."
                )
    if reasons:
        raise PublishRefused(reasons)


def _difference(audited: Any, seen: Any) -> str:
    if audited is None or seen is None:
        return "it is missing" if seen is None else "it was never audited"
    if audited["rows"] != seen["rows"]:
        return f"{seen['rows']} rows instead of {audited['rows']}"
    columns = audited["columns"]
    names = [n for n in columns if columns[n] != seen["columns"].get(n)]
    return f"columns {', '.join(names)}" if names else "cells changed rows"


def _files(folder: Path) -> dict[str, Path]:
    """Every file of a version, links too, by its path below the folder."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def _folders(folder: Path) -> list[Path]:
    """The folders below a folder and itself, the deepest first."""
    return [Path(name) for name, _, _ in os.walk(folder, topdown=False)]


def _seal(folder: Path) -> None:
    for path in _files(folder).values():
        path.chmod(0o444)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    for inner in _folders(folder):
        inner.chmod(0o555)
        _sync_folder(inner)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flip(settings: Settings, number: int) -> None:
    """Let `current` name a version; readers see the old one or the new one."""
    temporary = settings.published / f".{CURRENT}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path("versions") / str(number))
    faultpoint("publish.inside_flip")
    temporary.replace(settings.published / CURRENT)
    _sync_folder(settings.published)


# ------------------------------------------------------------------ look


def linked_version(settings: Settings) -> int | None:
    """The number `current` names, whatever the ledger says; None without a link."""
    link = settings.published / CURRENT
    try:
        name = link.readlink().name
    except OSError:
        return None
    return int(name) if name.isascii() and name.isdigit() else None


def versions(settings: Settings, ledger: Ledger) -> list[Version]:
    """All versions ever published, newest first; pruned ones have no folder."""
    pointer = ledger.pointer()
    return [_as_version(settings, row, pointer) for row in ledger.versions()]


def _require(settings: Settings, ledger: Ledger, number: int) -> Version:
    row = ledger.version(number)
    if row is None:
        raise PublishRefused([_no_version(ledger, number)])
    return _as_version(settings, row, ledger.pointer())


def _as_version(settings: Settings, row: VersionRow, pointer: Any) -> Version:
    is_current = row.version == pointer.version
    return Version(
        number=row.version,
        path=version_path(settings, row.version),
        run_id=row.run_id,
        as_of=row.as_of,
        published_at=row.published_at,
        code_version=row.code_version,
        state=row.state,
        is_current=is_current,
        is_pinned=is_current and pointer.pinned,
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a version folder; raises OSError or ValueError."""
    contents = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    if not isinstance(contents, dict):
        raise ValueError(f"{folder / MANIFEST_FILE} is not an object")
    return contents


def verify(
    settings: Settings, ledger: Ledger, version: int | None = None
) -> Verification:
    """Re-hash every file of a version (the current one without a number).

    For the current version the link has to agree with the ledger, too.
    """
    pointer = ledger.pointer()
    number = pointer.version if version is None else version
    if number is None:
        return Verification(None, 0, ("Nothing is published yet.",))
    problems = []
    if number == pointer.version and linked_version(settings) != number:
        problems.append(
            f"{settings.published / CURRENT} shows "
            f"{linked_version(settings) or 'nothing'}, the ledger says {number}. "
            "The next run sets it right."
        )
    row = ledger.version(number)
    if row is None:
        return Verification(number, 0, (_no_version(ledger, number),))
    if row.state == "pruned":
        return Verification(number, 0, (f"Version {number} was pruned.",))
    found, files = _check_folder(version_path(settings, number), row.manifest_sha256)
    return Verification(number, files, tuple(problems + found))


def _check_folder(folder: Path, manifest_sha256: str) -> tuple[list[str], int]:
    advice = f"Go back with `takt rollback`, or restore {folder}."
    if not folder.is_dir() or folder.is_symlink():
        return [f"{folder} is missing. {advice}"], 0
    manifest_path = folder / MANIFEST_FILE
    if not manifest_path.is_file():
        return [f"{manifest_path} is missing. {advice}"], 0
    if sha256_of(manifest_path) != manifest_sha256:
        return [f"{manifest_path} is not the one the ledger recorded. {advice}"], 1
    files = read_manifest(folder)["files"]
    problems = []
    for name, facts in files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            problems.append(f"{path} is missing. {advice}")
        elif sha256_of(path) != facts["sha256"]:
            problems.append(f"{path} was changed after publication. {advice}")
    for name, path in sorted(_files(folder).items()):
        if name not in files and name != MANIFEST_FILE:
            problems.append(f"{path} was added after publication. Remove it.")
        elif path.stat().st_mode & 0o222:
            problems.append(f"{path} is writable. Make it read-only again.")
    return problems, len(files) + 1


def _no_version(ledger: Ledger, number: int) -> str:
    known = [str(row.version) for row in ledger.versions() if row.state != "pruned"]
    there = f"kept are: {', '.join(known)}" if known else "nothing is published yet"
    return f"There is no version {number}; {there}."


# ------------------------------------------------------------------ go back


def rollback(
    settings: Settings, ledger: Ledger, number: int, reason: str = ""
) -> Version:
    """Make an older (or again a newer) version current and pin it.

    Versions above it become `withdrawn`, itself `published`. Only for the holder of
    the run lock. Raises PublishRefused if the version is not intact.
    """
    _require(settings, ledger, number)
    found = verify_folder(settings, ledger, number)
    if found:
        raise PublishRefused(found)
    faultpoint("rollback.before_decision")
    with ledger.transaction():
        for row in ledger.versions():
            if row.state == "published" and row.version > number:
                ledger.set_version_state(row.version, "withdrawn")
        ledger.set_version_state(number, "published")
        ledger.set_pointer(
            number, pinned=True, reason=reason or f"rolled back to version {number}"
        )
    faultpoint("rollback.before_flip")
    _make_published(settings)
    _flip(settings, number)
    return _require(settings, ledger, number)


def verify_folder(settings: Settings, ledger: Ledger, number: int) -> list[str]:
    """Problems of a version's files alone, whatever `current` shows."""
    row = ledger.version(number)
    if row is None:
        return [_no_version(ledger, number)]
    if row.state == "pruned":
        return [f"Version {number} was pruned; its files are gone."]
    return _check_folder(version_path(settings, number), row.manifest_sha256)[0]


def pin(settings: Settings, ledger: Ledger, reason: str = "") -> Version:
    """Keep the current version until `unpin`; raises PublishRefused without one."""
    number = ledger.pointer().version
    if number is None:
        raise PublishRefused(["Nothing is published yet, so nothing can be pinned."])
    ledger.set_pointer(number, pinned=True, reason=reason or "pinned by hand")
    return _require(settings, ledger, number)


def unpin(settings: Settings, ledger: Ledger) -> Version:
    """Let the next run publish again; raises PublishRefused if nothing is pinned."""
    pointer = ledger.pointer()
    if pointer.version is None or not pointer.pinned:
        raise PublishRefused(["No version is pinned."])
    ledger.set_pointer(pointer.version)
    return _require(settings, ledger, pointer.version)


# ------------------------------------------------------------------ recovery


def recover(settings: Settings, ledger: Ledger, run_id: str) -> Recovery:
    """Finish what an earlier run decided and remove what it did not.

    Called at the start of run `run_id` by the holder of the run lock. A decided
    version whose files are damaged is not shown: the pointer goes back to the newest
    intact one, and `notes` says so.
    """
    _make_published(settings)
    notes = _adopt_unknown(settings, ledger)
    finished = None
    pointer = ledger.pointer()
    if pointer.version is not None and linked_version(settings) != pointer.version:
        number, more = _newest_intact(settings, ledger, pointer.version)
        notes += more
        if number is not None:
            faultpoint("recover.before_flip")
            _flip(settings, number)
            finished = number
    faultpoint("recover.before_debris")
    removed = _remove_debris(settings, ledger)
    published = {row.run_id for row in ledger.versions()}
    for run in ledger.runs(limit=1000):
        is_dead = run.outcome == "running" and run.run_id != run_id
        if is_dead and run.run_id in published:
            ledger.end_run(
                run.run_id, "published", "It was killed after its publication."
            )
    dead = ledger.bury_dead_runs(run_id, "It ended without saying so.")
    return Recovery(finished, tuple(removed), tuple(dead), tuple(notes))


def _newest_intact(
    settings: Settings, ledger: Ledger, decided: int
) -> tuple[int | None, list[str]]:
    """The decided version if its files are whole, else the newest below that is."""
    problems = verify_folder(settings, ledger, decided)
    if not problems:
        return decided, []
    pointer = ledger.pointer()
    for row in ledger.versions():
        if row.version >= decided or row.state != "published":
            continue
        if verify_folder(settings, ledger, row.version):
            continue
        with ledger.transaction():
            ledger.set_version_state(decided, "withdrawn")
            ledger.set_pointer(
                row.version, pinned=pointer.pinned, reason=pointer.pinned_reason
            )
        return row.version, [
            f"Version {decided} is damaged ({problems[0]}); version {row.version} "
            "stays current."
        ]
    return None, problems


def _adopt_unknown(settings: Settings, ledger: Ledger) -> list[str]:
    """Take versions into a ledger that was lost or is an older backup.

    A folder of a run the ledger knows was never decided: debris. One of a run it has
    never heard of was decided by a ledger that is gone. What is above the linked
    version had been taken back.
    """
    linked = linked_version(settings)
    notes = []
    for folder in sorted(_numbered(settings), key=lambda path: int(path.name)):
        number = int(folder.name)
        if ledger.version(number) is not None:
            continue
        try:
            manifest = read_manifest(folder)
            manifest_sha256 = sha256_of(folder / MANIFEST_FILE)
            run_id, code = str(manifest["run_id"]), str(manifest["code"]["version"])
            as_of = datetime.fromisoformat(manifest["as_of"])
            problems = _check_folder(folder, manifest_sha256)[0]
            if manifest["version"] != number:
                problems.append(f"{folder} was renamed.")
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems = [f"{folder}: {error}"]
        if problems:
            notes.append(f"Version {number} is not in the ledger: {problems[0]}")
            continue
        if ledger.run(run_id) is not None:
            continue
        with ledger.transaction():
            ledger.record_version(
                run_id=run_id,
                as_of=as_of,
                code_version=code,
                manifest_sha256=manifest_sha256,
                version=number,
            )
            if linked is not None and number > linked:
                ledger.set_version_state(number, "withdrawn")
            elif number == linked:
                ledger.set_pointer(number)
        notes.append(f"Version {number} was not in the ledger and was taken over.")
    return notes


def _remove_debris(settings: Settings, ledger: Ledger) -> list[str]:
    removed = []
    decided = {row.version: row.state for row in ledger.versions()}
    root = versions_folder(settings)
    for path in sorted(root.iterdir()):
        number = int(path.name) if path in set(_numbered(settings)) else None
        if number is None:
            is_debris = path.name.startswith(".")
        elif number in decided:
            is_debris = decided[number] == "pruned"
        else:
            is_debris = _run_is_known(path, ledger)
        if is_debris:
            _remove_tree(path)
            removed.append(path.name)
    temporary = settings.published / f".{CURRENT}"
    if temporary.is_symlink():
        temporary.unlink()
        removed.append(temporary.name)
    if settings.build.is_dir() and any(settings.build.iterdir()):
        removed += sorted(path.name for path in settings.build.iterdir())
        discard(settings.build)
    return removed


def _run_is_known(folder: Path, ledger: Ledger) -> bool:
    try:
        run_id = str(read_manifest(folder)["run_id"])
    except (OSError, ValueError, KeyError):
        # A number is given only after the manifest: somebody damaged this folder.
        return False
    return ledger.run(run_id) is not None


def _remove_tree(folder: Path) -> None:
    if not folder.exists():
        return
    _unseal(folder)
    shutil.rmtree(folder)


def _unseal(folder: Path) -> None:
    """Let a sealed version be deleted, folder by folder."""
    for name, _, _ in os.walk(folder):
        Path(name).chmod(stat.S_IRWXU)


# ------------------------------------------------------------------ prune


def prune(
    settings: Settings,
    ledger: Ledger,
    exports: Sequence[Any] = (),
    *,
    now: datetime | None = None,
    dry_run: bool = False,
) -> Pruned:
    """Delete old versions, and lake files that nothing kept needs.

    Kept: the current version, the 14 newest, 30 days, and the last version of each of
    13 months. Of the lake: every file in force, in the manifest of a kept version,
    newest under its name, or loaded in the last 30 days. Without `exports` the lake
    is left alone. Only for the holder of the run lock.
    """
    moment = now or utc_now()
    rows = [row for row in ledger.versions() if row.state != "pruned"]
    kept = kept_versions(rows, ledger.pointer().version, moment, settings.timezone)
    victims = [row.version for row in rows if row.version not in kept]
    lake = _lake_victims(settings, ledger, exports, kept, moment) if exports else []
    freed = sum(_size(version_path(settings, number)) for number in victims)
    freed += sum(_size(path) for path in lake)
    report = Pruned(
        tuple(sorted(victims)),
        tuple(str(path.relative_to(settings.lake)) for path in lake),
        freed,
    )
    if dry_run:
        return report
    for number in sorted(victims):
        ledger.set_version_state(number, "pruned")
        faultpoint("prune.before_aside")
        path = version_path(settings, number)
        aside = path.with_name(f"{_ASIDE}{number}")
        if path.is_dir():
            # Aside first: a name that is there is always a whole version.
            path.rename(aside)
            faultpoint("prune.after_aside")
            _unseal(aside)
            for _, file in sorted(_files(aside).items()):
                file.unlink()
                faultpoint("prune.inside_delete")
        _remove_tree(aside)
    faultpoint("prune.before_lake")
    for path in lake:
        path.unlink(missing_ok=True)
        faultpoint("prune.inside_lake")
    return report


def kept_versions(
    rows: Sequence[VersionRow], current: int | None, now: datetime, timezone: str
) -> set[int]:
    """The numbers that stay, of versions that are not pruned yet."""
    from zoneinfo import ZoneInfo

    newest = sorted(rows, key=lambda row: row.version, reverse=True)
    kept = {row.version for row in newest[:KEEP_NEWEST]}
    kept |= {
        row.version
        for row in rows
        if row.published_at >= now - timedelta(days=KEEP_DAYS)
    }
    month_ends: dict[str, int] = {}
    for row in newest:
        month = row.published_at.astimezone(ZoneInfo(timezone)).strftime("%Y-%m")
        month_ends.setdefault(month, row.version)
    kept |= {month_ends[m] for m in sorted(month_ends, reverse=True)[:KEEP_MONTH_ENDS]}
    if current is not None:
        kept.add(current)
    return kept


def _lake_victims(
    settings: Settings,
    ledger: Ledger,
    exports: Sequence[Any],
    kept: set[int],
    now: datetime,
) -> list[Path]:
    """Lake files that no kept version, no batch in force and no newest batch needs."""
    needed: set[str] = set()
    for number in kept:
        try:
            manifest = read_manifest(version_path(settings, number))
            needed |= {batch["lake_path"] for batch in manifest["batches"]}
        except (OSError, ValueError, KeyError):
            # What an unreadable manifest needs is unknown: delete nothing.
            return []
    limit = now - timedelta(days=KEEP_LAKE_DAYS)
    victims = []
    for export in exports:
        batches = ledger.batches(export)
        in_force = {batch.seq for batch in ledger.batches_in_force(export)}
        last = max((batch.seq for batch in batches), default=None)
        superseding = max(in_force, default=0)
        for batch in batches:
            path = settings.home / batch.lake_path
            if (
                batch.seq in in_force
                or batch.seq == last
                # Nothing newer is in force: its own turn may still come.
                or batch.seq > superseding
                or batch.loaded_at > limit
                or batch.lake_path in needed
                or not path.is_file()
            ):
                continue
            victims.append(path)
    return victims


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    if path.is_dir():
        return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return 0


def _write_json(path: Path, contents: Mapping[str, Any]) -> None:
    text = json.dumps(contents, ensure_ascii=False, indent=2, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
