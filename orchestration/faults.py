"""Named places where a test may make the pipeline die, fail or hang.

`faultpoint("publish.before_flip")` does nothing unless the environment says
`TAKT_FAULT=publish.before_flip:kill`. Every name is declared in `POINTS`, so that
a test can loop over all of them; a name that is not declared is a mistake in the
code and raises. Not here: what must hold after a fault (`tests/faults/`).
"""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import dataclass
from functools import cache

VARIABLE = "TAKT_FAULT"
ACTIONS = ("kill", "raise", "enospc", "sleep")

# A hang long enough for any lease to end; the test kills the process.
HANG_SECONDS = 3600.0

# (name, what has and has not happened at that moment)
POINTS: tuple[tuple[str, str], ...] = (
    ("run.after_lock", "the lock and the lease are held, nothing is done yet"),
    ("run.before_end", "all stages are done, the run row still says running"),
    ("ingest.after_claim", "a private copy exists, nothing is typed"),
    ("ingest.before_lake", "typed rows are written aside, not yet in the lake"),
    ("ingest.after_lake", "the lake file exists, the ledger does not know it"),
    ("ingest.after_ledger", "the batch is in the ledger, without a verdict"),
    ("gate.before_verdict", "a suite was evaluated, its verdict is not stored"),
    ("gate.after_verdict", "the verdict is stored, nothing is built"),
    ("build.before_file", "the old build file is gone, the new one does not exist"),
    ("build.after_raw_views", "the raw views exist, no model does"),
    ("build.after_export_states", "raw views and export states exist, no model does"),
    ("build.after_node", "one more dbt node is done; repeats for each node"),
    ("build.after_dbt", "dbt is done, nothing is audited"),
    ("build.after_audit", "the candidate is audited and its file still open"),
    ("build.after_checkpoint", "the candidate is closed, nothing is copied"),
    ("publish.before_copy", "the hidden version folder exists and is empty"),
    ("publish.after_mart", "one more mart is copied; repeats for each mart"),
    ("publish.after_marts", "marts.duckdb is closed, no Parquet file exists"),
    ("publish.after_parquet", "all Parquet files exist, no page does"),
    ("publish.after_scorecard", "the scorecard is written, no manifest is"),
    ("publish.after_manifest", "the folder is complete, not synced or sealed"),
    ("publish.after_seal", "the folder is synced and read-only, not read back"),
    ("publish.after_read_back", "a fresh process read every column, hidden still"),
    ("publish.before_rename", "admissions are checked again, hidden still"),
    ("publish.after_rename", "the folder bears its number, the ledger says nothing"),
    ("publish.inside_decision", "the deciding transaction is open, not committed"),
    ("publish.before_flip", "the ledger has decided, `current` shows the old one"),
    ("publish.inside_flip", "the new link lies beside `current`"),
    ("publish.after_flip", "`current` shows the new version, debris is left"),
    ("publish.before_backup", "published, the ledger backup is the previous one"),
    ("notify.before_plan", "published; no message of this run is filed"),
    ("notify.after_plan", "messages are filed, nobody is told"),
    ("notify.after_send", "a digest is sent, the ledger does not know; repeats"),
    ("rollback.before_decision", "the old version is verified, nothing has moved"),
    ("rollback.before_flip", "the ledger points back, `current` does not"),
    ("prune.before_aside", "the ledger says pruned, the folder has its name"),
    ("prune.after_aside", "the folder is renamed aside, nothing is deleted"),
    ("prune.inside_delete", "a part of the files is deleted"),
    ("prune.before_lake", "old versions are gone, lake files are untouched"),
    ("prune.inside_lake", "one more lake file is deleted; repeats"),
    ("adopt.before_file", "one more file of a pack is not written; repeats"),
    ("adopt.before_delivery", "the log is copied aside, the pack is not written"),
    ("recover.before_flip", "a decided flip was found, `current` is old"),
    ("recover.before_debris", "the pointer is right, debris is still there"),
)
NAMES = frozenset(name for name, _ in POINTS)


class FaultSettingError(ValueError):
    """`TAKT_FAULT` names no declared point, no known action or no count."""


class InjectedFault(RuntimeError):
    """The failure that `TAKT_FAULT=<name>:raise` asked for."""


@dataclass(frozen=True)
class Fault:
    """What `TAKT_FAULT` asks for: at the `nth` passage of `name`, do `action`."""

    name: str
    action: str
    nth: int = 1


@cache
def parse_fault(text: str) -> Fault:
    """Read `<name>:<kill|raise|enospc|sleep>[:nth]`; raise FaultSettingError."""
    parts = text.split(":")
    form = f"<name>:<{'|'.join(ACTIONS)}>[:nth]"
    if len(parts) not in (2, 3):
        raise FaultSettingError(f"{VARIABLE}={text!r}: expected {form}.")
    name, action = parts[0], parts[1]
    if name not in NAMES:
        raise FaultSettingError(
            f"{VARIABLE}={text!r}: no fault point is called {name!r}. "
            f"Declared: {', '.join(sorted(NAMES))}."
        )
    if action not in ACTIONS:
        raise FaultSettingError(
            f"{VARIABLE}={text!r}: no action is called {action!r}; expected {form}."
        )
    nth = parts[2] if len(parts) == 3 else "1"
    if not (nth.isascii() and nth.isdigit() and int(nth) >= 1):
        raise FaultSettingError(
            f"{VARIABLE}={text!r}: {nth!r} is no count from 1 on; expected {form}."
        )
    return Fault(name, action, int(nth))


def requested_fault() -> Fault | None:
    """The fault the environment asks for, or None; raise FaultSettingError."""
    text = os.environ.get(VARIABLE, "")
    return parse_fault(text) if text else None


_passages: dict[str, int] = {}


def passages() -> dict[str, int]:
    """How often each point was passed by this process since `forget_passages`."""
    return dict(_passages)


def forget_passages() -> None:
    """Start counting anew: `nth` and `passages` begin at one again."""
    _passages.clear()


def faultpoint(name: str) -> None:
    """Die, fail or hang here when `TAKT_FAULT` says so; otherwise only count.

    Raises KeyError for an undeclared name, FaultSettingError for a bad variable,
    InjectedFault (`raise`) or OSError with ENOSPC (`enospc`).
    """
    if name not in NAMES:
        raise KeyError(f"Fault point {name!r} is not declared in faults.POINTS.")
    _passages[name] = _passages.get(name, 0) + 1
    fault = requested_fault()
    if fault is None or fault.name != name or fault.nth != _passages[name]:
        return
    if fault.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault.action == "sleep":
        time.sleep(HANG_SECONDS)
        return
    if fault.action == "enospc":
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} (fault at {name})")
    raise InjectedFault(f"fault at {name}")
