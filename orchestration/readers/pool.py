"""A few long-lived child processes that read files, and what to do when one dies.

A file whose parser dies or hangs is tried once more in a fresh child; the second time
it is refused. Other files go on. Results come in the order of the tasks, so that a
run of the same files writes the same ledger.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from types import TracebackType

from orchestration.readers.base import Refusal
from orchestration.readers.parse import Parsed, ParseTask
from orchestration.settings import PROJECT_ROOT

WORKERS = 2
ATTEMPTS = 2
FILE_SECONDS = 1800.0
# How many finished tasks may wait for an earlier one.
AHEAD = 64

_START = (
    "import sys; sys.path[0] = sys.argv[1]; "
    "from importlib import import_module; "
    "import_module(sys.argv[2]).serve(int(sys.argv[3]), int(sys.argv[4]))"
)


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    pipe: Connection
    position: int | None = None
    deadline: float = 0.0


@dataclass
class _Job:
    task: ParseTask
    attempts: int = 0


@dataclass
class ParserPool:
    """Runs parse tasks in child processes; a context manager.

    `module` is the child's module with `serve(descriptor, memory_limit)`.
    """

    memory_limit: int
    workers: int = WORKERS
    file_seconds: float = FILE_SECONDS
    module: str = "orchestration.readers.worker"
    _children: list[_Child] = field(default_factory=list)

    def __enter__(self) -> ParserPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in list(self._children):
            self._end(child)

    def run(self, tasks: Iterable[ParseTask]) -> Iterator[tuple[ParseTask, Outcome]]:
        """(task, outcome) in the order of the tasks, which are drawn as needed.

        An outcome is Parsed or a Refusal. Raises OSError when the machine, not the
        file, is at fault: a full disk, too many open files.
        """
        source = iter(tasks)
        jobs: dict[int, _Job] = {}
        waiting: list[int] = []
        done: dict[int, Outcome] = {}
        drawn = given = 0
        exhausted = False
        while True:
            while not exhausted and len(jobs) < AHEAD and self._has_room(waiting):
                task = next(source, None)
                if task is None:
                    exhausted = True
                    break
                jobs[drawn] = _Job(task)
                waiting.append(drawn)
                drawn += 1
                self._hand_out(jobs, waiting)
            self._hand_out(jobs, waiting)
            while given in done:
                yield jobs.pop(given).task, done.pop(given)
                given += 1
            if exhausted and not jobs:
                return
            if any(child.position is not None for child in self._children):
                self._collect(jobs, waiting, done)

    def _has_room(self, waiting: list[int]) -> bool:
        busy = sum(child.position is not None for child in self._children)
        return not waiting and busy < self.workers

    def _hand_out(self, jobs: dict[int, _Job], waiting: list[int]) -> None:
        while waiting:
            child = self._idle()
            if child is None:
                return
            position = waiting.pop(0)
            jobs[position].attempts += 1
            child.position = position
            child.deadline = time.monotonic() + self.file_seconds
            try:
                child.pipe.send(jobs[position].task)
            except OSError:
                # It died while idle; `_collect` sees its closed pipe.
                continue

    def _idle(self) -> _Child | None:
        for child in self._children:
            if child.position is None:
                return child
        if len(self._children) < self.workers:
            return self._start()
        return None

    def _start(self) -> _Child:
        ours, theirs = Pipe()
        command = [
            sys.executable,
            "-c",
            _START,
            str(PROJECT_ROOT),
            self.module,
            str(theirs.fileno()),
            str(self.memory_limit),
        ]
        # Keys and settings come with the task; a child needs none of its own.
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("TAKT_")
        }
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            env=environment,
        )
        theirs.close()
        child = _Child(process, ours)
        self._children.append(child)
        return child

    def _collect(
        self, jobs: dict[int, _Job], waiting: list[int], done: dict[int, Outcome]
    ) -> None:
        """Wait for one answer, death or deadline at least."""
        busy = [child for child in self._children if child.position is not None]
        first = min(child.deadline for child in busy)
        ready = wait([child.pipe for child in busy], max(0.0, first - time.monotonic()))
        now = time.monotonic()
        for child in busy:
            assert child.position is not None
            position = child.position
            if child.pipe in ready:
                try:
                    answer = child.pipe.recv()
                except (EOFError, OSError):
                    self._failed(child, position, jobs, waiting, done, "parser_crash")
                    continue
                child.position = None
                if isinstance(answer, OSError):
                    raise answer
                done[position] = answer
            elif now >= child.deadline:
                self._failed(child, position, jobs, waiting, done, "parser_timeout")

    def _failed(
        self,
        child: _Child,
        position: int,
        jobs: dict[int, _Job],
        waiting: list[int],
        done: dict[int, Outcome],
        code: str,
    ) -> None:
        self._end(child)
        job = jobs[position]
        # A file that hangs once would hang again, for as long again.
        if job.attempts < ATTEMPTS and code == "parser_crash":
            waiting.insert(0, position)
            return
        what = "crashed" if code == "parser_crash" else "did not finish"
        done[position] = Refusal(
            code,
            f"was not read: its parser {what} ({job.attempts} of {ATTEMPTS} attempts). "
            "Deliver it again, or split it",
        )

    def _end(self, child: _Child) -> None:
        self._children.remove(child)
        child.pipe.close()
        child.process.kill()
        child.process.wait()


Outcome = Parsed | Refusal
