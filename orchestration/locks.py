"""One run at a time: a file lock for the living, a lease for the hung.

The kernel frees the lock of a process that dies, so a killed run never blocks the
next. A process that hangs keeps it; its lease in the ledger ends when no stage
reports progress, and the next run ends that process and takes over. The transaction
that publishes checks the lease token, so a run that wakes up too late changes
nothing. Local disks only: `flock` over a network file system promises less.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from orchestration.faults import faultpoint
from orchestration.ledger import Ledger, utc_now
from orchestration.settings import Settings

EXIT_BUSY = 75

# Longer than the longest single model; any progress of any stage renews it.
LEASE_SECONDS = 2 * 3600.0

LOCK_FILE = "run.lock"

_BEAT_EVERY_SECONDS = 5.0
_DEATH_SECONDS = 10.0


class Busy(Exception):
    """Another run holds the lock; `takt` exits with `exit_code`."""

    exit_code = EXIT_BUSY

    def __init__(self, run_id: str, pid: int, since: str) -> None:
        self.run_id, self.pid, self.since = run_id, pid, since
        super().__init__(
            f"Run {run_id} (process {pid}) has been at work since {since}. "
            "This run did nothing; start it again when that one has ended."
        )


@dataclass
class Held:
    """The right to write, held by one run until its block ends."""

    run_id: str
    token: str
    ledger_path: Path
    ttl: timedelta
    _beaten: float = field(default=0.0, repr=False)

    def beat(self) -> None:
        """Say that the run makes progress; cheap, callable from any thread.

        Raises LeaseLostError when another run has taken over.
        """
        clock = time.monotonic()
        if clock - self._beaten < _BEAT_EVERY_SECONDS:
            return
        self._beaten = clock
        # A ledger belongs to the thread that opened it; progress comes from others.
        with Ledger.open(self.ledger_path, create=False, check=False) as ledger:
            ledger.heartbeat(self.token, self.ttl)


@contextlib.contextmanager
def run_lock(
    settings: Settings,
    ledger: Ledger,
    run_id: str,
    *,
    lease_seconds: float = LEASE_SECONDS,
) -> Iterator[Held]:
    """Hold lock and lease while the block runs.

    Raises Busy when a living run holds the lock and its lease has not ended.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(settings.home / LOCK_FILE, ledger, run_id)
    ttl = timedelta(seconds=lease_seconds)
    token = None
    try:
        # Whoever holds the file lock outlived every other claim to the lease.
        token = ledger.acquire_lease(run_id, os.getpid(), ttl, force=True)
        assert token is not None
        faultpoint("run.after_lock")
        yield Held(run_id, token, settings.ledger_path, ttl)
    finally:
        try:
            if token is not None:
                ledger.release_lease(token)
        finally:
            os.close(descriptor)


def holder(settings: Settings) -> dict[str, Any] | None:
    """Who holds the lock now ({run_id, pid, since}), or None; takes nothing."""
    try:
        descriptor = os.open(settings.home / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(descriptor)
    finally:
        os.close(descriptor)
    return None


def _acquire(path: Path, ledger: Ledger, run_id: str) -> int:
    """The descriptor of the locked file; raises Busy."""
    descriptor = _try_lock(path)
    if descriptor is None:
        descriptor = _take_over(path, ledger)
    _write_holder(descriptor, run_id)
    return descriptor


def _try_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A lock on a file that was replaced meanwhile protects nothing.
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _take_over(path: Path, ledger: Ledger) -> int:
    """Lock a file whose holder is dead or hung; raises Busy when it is neither."""
    guard = os.open(
        path.with_name(LOCK_FILE + ".guard"),
        os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
        0o600,
    )
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        descriptor = _try_lock(path)
        if descriptor is not None:
            return descriptor
        first = _holder_settled(path)
        if _is_alive(first):
            if not _lease_ended(ledger, first):
                raise Busy(first["run_id"], first["pid"], first["since"])
            _end_process(first)
        # A child of the dead run may still hold the old file: lock a new one.
        return _replace(path)
    finally:
        os.close(guard)


def _holder_settled(path: Path) -> dict[str, Any]:
    """The holder's entry; waits a moment for one that is just being written."""
    entry: dict[str, Any] | None = None
    for _ in range(40):
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                entry = _read_holder(descriptor)
            finally:
                os.close(descriptor)
        if entry is not None and _is_alive(entry):
            return entry
        time.sleep(0.025)
    return entry or {"run_id": "unknown", "pid": 0, "since": "", "born": ""}


def _replace(path: Path) -> int:
    temporary = path.with_name(f"{LOCK_FILE}.{os.getpid()}")
    descriptor = os.open(
        temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
    )
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    temporary.replace(path)
    return descriptor


def _write_holder(descriptor: int, run_id: str) -> None:
    pid, since = os.getpid(), utc_now().strftime("%Y-%m-%d %H:%M:%S UTC")
    entry = {"run_id": run_id, "pid": pid, "since": since, "born": _born(pid)}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(entry).encode(), 0)


def _read_holder(descriptor: int) -> dict[str, Any] | None:
    try:
        entry = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "pid" in entry else None


def _born(pid: int) -> str:
    """When a process started, in kernel ticks: a pid alone may be used again."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def _is_alive(entry: dict[str, Any]) -> bool:
    pid = int(entry["pid"])
    if pid <= 0:
        return False
    if Path("/proc/self/stat").exists():
        return bool(_born(pid)) and _born(pid) == entry.get("born")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _lease_ended(ledger: Ledger, entry: dict[str, Any]) -> bool:
    lease = ledger.lease()
    return (
        lease is not None and lease.pid == entry["pid"] and lease.expires_at < utc_now()
    )


def _end_process(entry: dict[str, Any]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(entry["pid"]), signal.SIGKILL)
    end = time.monotonic() + _DEATH_SECONDS
    while _is_alive(entry) and time.monotonic() < end:
        time.sleep(0.02)
    if _is_alive(entry):
        raise Busy(entry["run_id"], entry["pid"], entry["since"])
