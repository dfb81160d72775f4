"""Time and memory of child processes, and the fastest of several tries."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Spent:
    """Wall seconds, processor seconds of all processes, peak memory of the largest."""

    wall: float
    processor: float
    peak_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.wall:.1f} s, {self.processor:.1f} s of processor, "
            f"{self.peak_bytes / 2**20:,.0f} MiB at peak"
        )


def run(
    command: Sequence[str | Path], cwd: Path = REPOSITORY, **environment: str
) -> Spent:
    """Run a command in the project and wait; raises with its output if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    process.returncode = code
    if code not in (0, 3):
        sys.stderr.buffer.write(output)
        raise RuntimeError(f"{command[0]} ended with {code}")
    # Its children count, because it waits for them; of memory the largest counts.
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def fastest(times: int, tries: Mapping[str, Callable[[], Spent]]) -> dict[str, Spent]:
    """Each of `tries` in turn, `times` over; the fastest of each.

    In turn, so that a busy minute of the machine slows all of them; the fastest,
    because other work on the machine only ever adds.
    """
    found: dict[str, list[Spent]] = {name: [] for name in tries}
    for number in range(times):
        for name, attempt in tries.items():
            spent = attempt()
            found[name].append(spent)
            say(f"  {number + 1}/{times} {name}: {spent.wall:.1f} s")
    return {
        name: Spent(
            min(one.wall for one in all_),
            min(one.processor for one in all_),
            min(one.peak_bytes for one in all_),
        )
        for name, all_ in found.items()
    }


def say(text: str) -> None:
    """Progress, apart from the results."""
    sys.stderr.write(text + "\n")


@dataclass(frozen=True)
class Ratio:
    """What was measured, against what, and how many times as long it may take."""

    what: str
    spent: Spent
    of: str
    of_spent: Spent
    budget: float

    @property
    def value(self) -> float:
        return self.spent.wall / self.of_spent.wall

    @property
    def is_kept(self) -> bool:
        return self.value <= self.budget

    def __str__(self) -> str:
        processor = self.spent.processor / self.of_spent.processor
        return (
            f"{self.value:5.2f}  of {self.budget:g}{'' if self.is_kept else '  OVER'}\n"
            f"       {self.what}: {self.spent}\n"
            f"       {self.of}: {self.of_spent}\n"
            f"       by processor time {processor:.2f}"
        )
