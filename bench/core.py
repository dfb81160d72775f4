"""The core models on millions of events against one script written by hand.

Both read the same synthetic events in the same kind of database file, and their tables
are compared before anything is timed: a faster script that makes something else would
prove nothing. The models run as `dbt run`, its start and its parsing included.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb

from bench.clock import Ratio, Spent, fastest, run, say
from orchestration.readback import fingerprint
from tests.helpers.dbt_sandbox import Sandbox, make_sandbox, step

BUDGET = 1.5
EVENTS = 8_500_000
EVENTS_EACH = 10
SCRIPT = Path(__file__).with_name("core.sql")
TABLES = (
    "fct_events",
    "fct_process_steps",
    "fct_process_paths",
    "fct_process_variants",
    "fct_process_instances",
)
DIMENSIONS = (
    "dim_calendars",
    "dim_calendar_days",
    "dim_processes",
    "dim_process_steps",
)

# A dozen activities, so that instances repeat, reopen, are approved and go on after
# their end; starts are missing, early or late; some steps and instances are open.
_EVENTS = """
insert into fixture.events
select
    'fixture',
    'I' || lpad(i::varchar, 9, '0'),
    'E' || lpad((i * 100 + j)::varchar, 12, '0'),
    'A' || lpad((if(h % 7 = 0, h, j) % 12)::varchar, 2, '0'),
    case
        when h % 100 < 70 or is_open then moment - to_seconds(h % 10800)
        when h % 100 < 72 then moment + interval 1 hour
    end,
    if(is_open, null, moment),
    case when h % 97 < 3 then 'system:x' when h % 97 < 90 then 'r' || h % 300 end,
    if(h % 31 = 0, null, 'u' || h % 12),
    'bench',
    'batch'
from (
    select
        i,
        j,
        hash(i, j) as h,
        timestamp '2024-02-01' + to_seconds(i * 66000000 // instances)
            + to_seconds(j * 14400 + hash(j, i) % 7200) as moment,
        j = most - 1 and hash(i) % 50 = 0 as is_open
    from (
        select i, instances, 4 + hash(i, 'n') % 13 as most
        from range({instances}) as t(i), (select {instances} as instances)
    ), range(20) as u(j)
    where j < most
)
"""
_INSTANCES = """
insert into fixture.instances
select
    process_code,
    process_instance_id,
    's' || hash(process_instance_id) % 8,
    min(coalesce(occurred_at, started_at)),
    if(hash(process_instance_id) % 20 = 0, null, max(occurred_at)),
    null, null,
    hash(process_instance_id) % 53 = 0,
    null,
    if(hash(process_instance_id) % 71 = 0, 'test_record', null),
    null, null, null, null,
    timestamp '2026-06-30 16:00:00'
from fixture.events
group by process_code, process_instance_id
"""


def sandbox(root: Path, events: int) -> Sandbox:
    """The core on so many events, its dimensions built and nothing else."""
    steps = [
        step(
            f"A{number:02}",
            number + 1,
            kind={3: "approval", 4: "approval", 6: "change"}.get(number, "work"),
            approval_level={3: "1", 4: "2"}.get(number, ""),
            is_terminal=str(number == 10).lower(),
            is_after_end=str(number == 11).lower(),
        )
        for number in range(12)
    ]
    made = make_sandbox(root, process_steps=steps, calendar_code="office")
    with made.connect(read_only=False) as connection:
        connection.execute(_EVENTS.format(instances=events // EVENTS_EACH))
        connection.execute(_INSTANCES)
    made.build(*(f"+{name}" for name in DIMENSIONS))
    return made


def by_script(database: Path) -> None:
    """Run the hand-written script on a database file."""
    with duckdb.connect(str(database), config={"threads": 2}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(SCRIPT.read_text(encoding="utf-8"))


def differences(root: Path) -> list[str]:
    """Tables of the models that are not those of the script; empty when all are."""
    found = []
    with duckdb.connect(str(root / "models.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{root / 'script.duckdb'}' as script (read_only)")
        for table in TABLES:
            ours = fingerprint(connection, f"main.{table}")
            if ours != fingerprint(connection, f"script.hand.{table}"):
                found.append(table)
    return found


class _Scene:
    def __init__(self, folder: Path, events: int) -> None:
        self.root = folder / "core"
        say(f"making {events:,} events")
        self.sandbox = sandbox(self.root, events)
        # Both begin with a copy of the same file.
        self.given = self.sandbox.database.rename(folder / "given.duckdb")

    def models(self) -> Spent:
        shutil.copy(self.given, self.sandbox.database)
        spent = run(
            [
                Path(sys.executable).with_name("dbt"),
                "--quiet",
                "run",
                *("--select", *TABLES, "int_process_*", "int_fixture__*"),
                *("--project-dir", self.root),
                *("--profiles-dir", self.root),
                *("--target-path", self.root / "target"),
                *("--log-path", self.root / "logs"),
                *("--vars", str(dict(self.sandbox.variables))),
            ]
        )
        self.sandbox.database.replace(self.root / "models.duckdb")
        return spent

    def script(self) -> Spent:
        database = self.root / "script.duckdb"
        shutil.copy(self.given, database)
        return run([sys.executable, "-m", "bench.core", database])


def measure(folder: Path, times: int, size: float = 1) -> list[Ratio]:
    """The models against the script; raises if they make different tables."""
    events = int(EVENTS * size)
    scene = _Scene(folder, events)
    found = fastest(times, {"core models": scene.models, "script": scene.script})
    wrong = differences(scene.root)
    if wrong:
        raise RuntimeError(f"the script makes other tables: {', '.join(wrong)}")
    return [
        Ratio(
            f"core models, {events:,} events",
            found["core models"],
            "script by hand",
            found["script"],
            BUDGET,
        )
    ]


if __name__ == "__main__":
    by_script(Path(sys.argv[1]))
