"""Ten million events adopted and refreshed, in bounded memory.

The log is a CSV file; both commands run in a copy of the project, as a user would run
them. A tenth of the log goes first: time should grow with the events and memory not at
all beyond the limit, because what does not fit is spilled to the disk.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from bench.clock import Ratio, Spent, run, say
from bench.stream import Bound
from tests.helpers.project_copy import copy_project

EVENTS = 10_000_000
EVENTS_EACH = 8
MEMORY_LIMIT = "4GB"
# The limit is the database's; interpreter, libraries and buffers come on top.
MOST_BYTES = 4 * 10**9 + 2**30
# Ten times the events may take so many times as long for each of them.
BUDGET = 1.5
DECISIONS = (
    "--case Case --activity Activity --timestamp Done --resource Agent --org-unit Team "
    "--timezone Asia/Shanghai --end Close --yes"
)
_LOG = """
copy (
    select
        'C-' || lpad(i::varchar, 9, '0') as "Case",
        name as "Activity",
        strftime(
            timestamp '2023-01-01' + to_seconds(
                i * 94608000 // {cases} + no * 7200 + (hash(i, no) % hours)::bigint
            ),
            '%Y-%m-%d %H:%M:%S'
        ) as "Done",
        'u' || hash(i, no) % 400 as "Agent",
        team as "Team",
        'product ' || i % 17 as "Product"
    from (select range as i from range({cases})), (
        values
        (1, 'Register', 3600, 'front'), (2, 'Check', 18000, 'back'),
        (3, 'Ask for papers', 108000, 'front'), (4, 'Check again', 32400, 'back'),
        (5, 'Decide', 72000, 'back'), (6, 'Approve', 28800, 'board'),
        (7, 'Pay', 18000, 'back'), (8, 'Close', 3600, 'front')
    ) as steps (no, name, hours, team)
) to '{path}' (header)
"""


def write_log(path: Path, events: int) -> None:
    """Three years of cases of eight steps, whose order changes from case to case."""
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT}) as connection:
        cases = max(1, events // EVENTS_EACH)
        connection.execute(_LOG.format(cases=cases, path=path))


def adopt_and_refresh(folder: Path, events: int) -> tuple[Spent, Spent]:
    """What both commands took for a log of so many events."""
    project = copy_project(folder / "project")
    say(f"writing {events:,} events")
    write_log(folder / "log.csv", events)
    environment = {
        "PYTHONPATH": str(project.root),
        "TAKT_EXPORTS": str(folder / "exports"),
        "TAKT_HOME": str(folder / "home"),
        "TAKT_MEMORY_LIMIT": MEMORY_LIMIT,
        "TAKT_PII_KEY": "a key for the bench only",
        "TAKT_SETTLE_SECONDS": "0",
    }
    takt = [sys.executable, "-m", "orchestration"]
    adopt = ["adopt", folder / "log.csv", "--process", "big", *DECISIONS.split()]
    refresh = ["refresh", "--as-of", "2026-07-01T02:00+08:00"]
    spent = []
    for command in (adopt, refresh):
        spent.append(run([*takt, *command], cwd=project.root, **environment))
        say(f"  {command[0]}: {spent[-1]}")
    return spent[0], spent[1]


def measure(folder: Path, times: int, size: float = 1) -> list[Bound | Ratio]:
    """Once, however many `times` the others are measured: it takes long enough."""
    events = int(EVENTS * size)
    (folder / "tenth").mkdir()
    (folder / "whole").mkdir()
    tenth = adopt_and_refresh(folder / "tenth", events // 10)
    whole = adopt_and_refresh(folder / "whole", events)
    found: list[Bound | Ratio] = []
    for name, small, large in zip(("adopt", "refresh"), tenth, whole, strict=True):
        what = f"{name} of {events:,} events"
        found.append(Bound(what, large.wall, large.peak_bytes, MOST_BYTES))
        ten = Spent(10 * small.wall, 10 * small.processor, small.peak_bytes)
        found.append(Ratio(what, large, "ten times that of a tenth", ten, BUDGET))
    return found
