"""Random logs, recomputed in plain Python: every number of the core, every instance.

Logs are small and nasty: equal times, overlaps, loops, unknown people, steps without a
start, steps that end before they start, open steps, milestones after the end.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.helpers.dbt_sandbox import Sandbox, event, instance, make_sandbox, step
from tests.helpers.working_time import (
    WorkCalendar,
    project_calendar,
    whole_second,
    working_seconds,
)

MARTS = (
    "fct_events",
    "fct_process_steps",
    "fct_process_paths",
    "fct_process_variants",
    "fct_process_instances",
)
AS_OF = datetime(2024, 4, 30, 12, 0, 0)
STEPS = {
    "a": step("a", 1),
    "b": step("b", 2),
    "c": step("c", 2),
    "p1": step("p1", 3, kind="approval", approval_level="1"),
    "p2": step("p2", 4, kind="approval", approval_level="2"),
    "edit": step("edit", 5, kind="change"),
    "done": step("done", 6, is_terminal="true"),
    "survey": step("survey", 7, is_after_end="true"),
}
# One activity that nobody has put on the map.
ACTIVITIES = [*STEPS, "unmapped"]


def random_log(number: int) -> list[dict[str, Any]]:
    stream = random.Random(number)
    name = f"I{number:03}"
    base = datetime(2024, 4, 22) + timedelta(hours=stream.randrange(160))
    resources = ["r1", "r2", "r3", None, "system", "system:bot"]
    if number % 3 == 0:
        # Only complete, well-formed steps, so that processing is known.
        resources = ["r1", "r2"]
    rows = []
    for place in range(stream.randrange(1, 12)):
        end = base + timedelta(
            minutes=stream.randrange(0, 400, 10),
            microseconds=stream.choice((0, 0, 400_000)),
        )
        start: datetime | None = end - timedelta(
            minutes=stream.choice((0, 0, 10, 30, 90, 1500))
        )
        is_open = False
        if number % 3:
            chance = stream.random()
            if chance < 0.1:
                start = None
            elif chance < 0.15:
                start = end + timedelta(minutes=5)
            is_open = start is not None and stream.random() < 0.1
        rows.append(
            event(
                name,
                f"{name}-{stream.randrange(10**6):06}-{place}",
                stream.choice(ACTIVITIES),
                started_at=start,
                occurred_at=None if is_open else end,
                resource_id=stream.choice(resources),
                org_unit_code=stream.choice(("u1", "u2", None)),
            )
        )
    return rows


LOGS = {rows[0]["process_instance_id"]: rows for rows in map(random_log, range(240))}
INSTANCES = {
    name: instance(
        name,
        started_at=datetime(2024, 4, 22),
        ended_at=None if number % 4 == 0 else datetime(2024, 4, 29, 9),
        is_cancelled=number % 8 == 4,
        exclusion_reason="test_record" if number % 11 == 0 else None,
        data_as_of=AS_OF,
    )
    for number, name in enumerate(LOGS)
}


def build(root: Any, seed: int) -> Sandbox:
    events = [row for rows in LOGS.values() for row in rows]
    instances = list(INSTANCES.values())
    stream = random.Random(seed)
    stream.shuffle(events)
    stream.shuffle(instances)
    sandbox = make_sandbox(
        root,
        events=events,
        instances=instances,
        process_steps=list(STEPS.values()),
        calendar_code="office",
    )
    sandbox.build()
    return sandbox


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return build(tmp_path_factory.mktemp("random"), seed=1)


@pytest.fixture(scope="module")
def instances(core: Sandbox) -> dict[str, dict[str, Any]]:
    rows = core.rows("from fct_process_instances")
    return {row["process_instance_id"]: row for row in rows}


@pytest.fixture(scope="module")
def paths(core: Sandbox) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for row in core.rows("from fct_process_paths order by path_no"):
        found[row["process_instance_id"]].append(row)
    return found


def of_map(row: dict[str, Any], column: str) -> Any:
    return STEPS.get(row["activity_code"], {}).get(column)


def ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Completed events in total order."""
    return sorted(
        (row for row in rows if row["occurred_at"] is not None),
        key=lambda row: (
            row["occurred_at"],
            row["started_at"] or row["occurred_at"],
            of_map(row, "step_no") or 2147483647,
            row["event_id"],
        ),
    )


def flaw(row: dict[str, Any]) -> str | None:
    if row["started_at"] is None:
        return "no_start"
    return "reversed_clock" if row["started_at"] > row["occurred_at"] else None


class ElapsedClock:
    """Reads moments in whole seconds; `inside` says which seconds count."""

    def read(self, moment: datetime) -> int:
        return whole_second(moment)


class WorkingClock(ElapsedClock):
    def __init__(self, calendar: WorkCalendar) -> None:
        self.origin = datetime(2024, 4, 1)
        self.stretches = [
            pair
            for pair in calendar.stretches()
            if datetime(2024, 4, 1) <= pair[0] < datetime(2024, 5, 20)
        ]

    def read(self, moment: datetime) -> int:
        return working_seconds(self.stretches, self.origin, moment)


CLOCKS = {
    "elapsed": ElapsedClock(),
    "working": WorkingClock(project_calendar("office")),
}


def clocks_of(rows: list[dict[str, Any]], clock: ElapsedClock) -> dict[str, Any]:
    """Sojourn, processing, idle, touch; the union by merging sorted intervals."""
    inside = [row for row in ordered(rows) if of_map(row, "is_after_end") != "true"]
    if not inside:
        return dict.fromkeys(("sojourn", "processing", "idle", "touch", "reason"))
    starts = [row["occurred_at"] if flaw(row) else row["started_at"] for row in inside]
    sojourn = clock.read(max(row["occurred_at"] for row in inside)) - clock.read(
        min(starts)
    )
    flaws = {flaw(row) for row in inside} - {None}
    if flaws:
        reason = "reversed_clock" if "reversed_clock" in flaws else "no_start"
        return {
            "sojourn": sojourn,
            "processing": None,
            "idle": None,
            "touch": None,
            "reason": reason,
        }
    islands: list[list[int]] = []
    for low, high in sorted(
        (clock.read(row["started_at"]), clock.read(row["occurred_at"]))
        for row in inside
    ):
        if islands and low <= islands[-1][1]:
            islands[-1][1] = max(islands[-1][1], high)
        else:
            islands.append([low, high])
    processing = sum(high - low for low, high in islands)
    touch = sum(
        clock.read(row["occurred_at"]) - clock.read(row["started_at"]) for row in inside
    )
    return {
        "sojourn": sojourn,
        "processing": processing,
        "idle": sojourn - processing,
        "touch": touch,
        "reason": None,
    }


@pytest.mark.parametrize("clock", CLOCKS)
def test_clocks_equal_merged_intervals(
    instances: dict[str, dict[str, Any]], clock: str
) -> None:
    known = 0
    for name, rows in LOGS.items():
        expected = clocks_of(rows, CLOCKS[clock])
        found = {
            measure: instances[name][f"{measure}_{clock}_seconds"]
            for measure in ("sojourn", "processing", "idle", "touch")
        } | {"reason": instances[name]["processing_reason"]}
        assert found == expected, name
        known += expected["processing"] is not None
    assert known > len(LOGS) / 3


def test_lead_times_and_ages(instances: dict[str, dict[str, Any]]) -> None:
    for name, given in INSTANCES.items():
        found = instances[name]
        is_open = given["ended_at"] is None and not given["is_cancelled"]
        for clock, reading in CLOCKS.items():
            start = reading.read(given["started_at"])
            lead = age = None
            if is_open:
                age = reading.read(AS_OF) - start
            elif not given["is_cancelled"]:
                lead = reading.read(given["ended_at"]) - start
            assert found[f"lead_{clock}_seconds"] == lead, name
            assert found[f"age_{clock}_seconds"] == age, name


def test_paths_equal_consecutive_events(
    paths: dict[str, list[dict[str, Any]]],
) -> None:
    for name, rows in LOGS.items():
        events = ordered(rows)
        if not events:
            assert name not in paths
            continue
        given = INSTANCES[name]
        is_open = given["ended_at"] is None and not given["is_cancelled"]
        codes = [row["activity_code"] for row in events]
        expected = list(
            zip(
                ["START", *codes],
                [*codes, "OPEN" if is_open else "END"],
                strict=True,
            )
        )
        found = paths[name]
        assert [
            (row["from_activity_code"], row["to_activity_code"]) for row in found
        ] == expected, name
        for (before, after), row in zip(pairwise(events), found[1:-1], strict=True):
            for clock, reading in CLOCKS.items():
                moved = reading.read(before["occurred_at"])
                gap = reading.read(after["occurred_at"]) - moved
                wait = overlap = None
                if not flaw(after):
                    wait = max(reading.read(after["started_at"]) - moved, 0)
                    overlap = max(moved - reading.read(after["started_at"]), 0)
                assert row[f"gap_{clock}_seconds"] == gap, name
                assert row[f"wait_{clock}_seconds"] == wait, name
                if clock == "elapsed":
                    assert row["overlap_elapsed_seconds"] == overlap, name
            assert row["exclusion_reason"] == flaw(after)


def test_waits_cover_the_idle_time_and_gaps_the_span(
    instances: dict[str, dict[str, Any]], paths: dict[str, list[dict[str, Any]]]
) -> None:
    compared = 0
    for name, rows in LOGS.items():
        events = ordered(rows)
        if not events:
            continue
        steps = paths[name][1:-1]
        assert sum(row["gap_elapsed_seconds"] for row in steps) == whole_second(
            events[-1]["occurred_at"]
        ) - whole_second(events[0]["occurred_at"])
        idle = instances[name]["idle_elapsed_seconds"]
        if idle is None or any(of_map(row, "is_after_end") == "true" for row in events):
            continue
        waits = sum(row["wait_elapsed_seconds"] for row in steps)
        overlaps = sum(row["overlap_elapsed_seconds"] for row in steps)
        assert waits >= idle
        if not overlaps:
            assert waits == idle
        compared += 1
    assert compared > 20


def test_counts_equal_a_walk_through_each_instance(
    instances: dict[str, dict[str, Any]],
) -> None:
    for name, rows in LOGS.items():
        expected = Counter(
            {
                "open_steps": sum(row["occurred_at"] is None for row in rows),
            }
        )
        last_visit: dict[str, dict[str, Any]] = {}
        approved_since_change: dict[str, bool] = {}
        before: dict[str, Any] | None = None
        for row in ordered(rows):
            code = row["activity_code"]
            expected["events"] += 1
            expected["reversed_steps"] += flaw(row) == "reversed_clock"
            expected["startless_steps"] += flaw(row) == "no_start"
            if code in last_visit:
                expected["repetitions"] += 1
                start = row["started_at"]
                parallel = start is not None and start < last_visit[code]["occurred_at"]
                expected["reworks"] += not parallel
            else:
                expected["activities"] += 1
            last_visit[code] = row
            kind = of_map(row, "kind")
            level = of_map(row, "approval_level")
            if kind == "change":
                approved_since_change.clear()
            if kind == "approval":
                expected["repeated_approvals"] += approved_since_change.get(level, 0)
                approved_since_change[level] = True
            if before is not None:
                expected["serial_approvals"] += (
                    kind == "approval"
                    and of_map(before, "kind") == "approval"
                    and level != of_map(before, "approval_level")
                )
                expected["reopenings"] += is_over(before) and not is_over(row)
                people = (before["resource_id"], row["resource_id"])
                units = (before["org_unit_code"], row["org_unit_code"])
                if None in people:
                    expected["unknown_resource_changes"] += 1
                elif not any(person.startswith("system") for person in people):
                    expected["resource_handovers"] += people[0] != people[1]
                if None in units:
                    expected["unknown_org_unit_changes"] += 1
                else:
                    expected["org_unit_handovers"] += units[0] != units[1]
            before = row
        for measure in (
            "open_steps", "events", "activities", "repetitions", "reworks",
            "reversed_steps", "startless_steps", "reopenings", "resource_handovers",
            "unknown_resource_changes", "org_unit_handovers",
            "unknown_org_unit_changes", "repeated_approvals", "serial_approvals",
        ):  # fmt: skip
            assert instances[name][measure] == expected[measure], (name, measure)


def is_over(row: dict[str, Any]) -> bool:
    return "true" in (of_map(row, "is_terminal"), of_map(row, "is_after_end"))


def test_variants_equal_orders_of_activities(core: Sandbox) -> None:
    expected: dict[str, Counter[str]] = defaultdict(Counter)
    for name, rows in LOGS.items():
        codes = [row["activity_code"] for row in ordered(rows)]
        if not codes:
            continue
        given = INSTANCES[name]
        counts = expected[" > ".join(codes)]
        counts["instances"] += 1
        if given["exclusion_reason"]:
            counts["excluded_instances"] += 1
        elif given["ended_at"] is None and not given["is_cancelled"]:
            counts["open_instances"] += 1
        else:
            counts["closed_instances"] += 1
    closed = sum(counts["closed_instances"] for counts in expected.values())
    rows = core.rows("from fct_process_variants")
    assert len(rows) == len(expected)
    for row in rows:
        counts = expected[row["activity_path"]]
        for measure in (
            "instances", "closed_instances", "open_instances", "excluded_instances"
        ):  # fmt: skip
            assert row[measure] == counts[measure]
        assert row["process_closed_instances"] == closed


def test_collapsed_variants_ignore_self_loops(
    instances: dict[str, dict[str, Any]],
) -> None:
    by_collapsed = {}
    for name, rows in LOGS.items():
        codes = [row["activity_code"] for row in ordered(rows)]
        collapsed = tuple(
            code
            for place, code in enumerate(codes)
            if place == 0 or codes[place - 1] != code
        )
        if codes:
            found = instances[name]["collapsed_variant_id"]
            assert by_collapsed.setdefault(collapsed, found) == found
    assert len(set(by_collapsed.values())) == len(by_collapsed)


def test_shuffled_input_gives_equal_marts(
    core: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = build(tmp_path_factory.mktemp("shuffled"), seed=2)
    with core.connect() as connection:
        connection.execute(f"attach '{other.database}' as other (read_only)")
        for mart in MARTS:
            (different,) = connection.execute(
                f"""
                select count(*) from (
                    (from {mart} except all from other.{mart})
                    union all
                    (from other.{mart} except all from {mart})
                )
                """
            ).fetchone()
            assert different == 0, mart


def test_every_data_test_passes_on_random_logs(core: Sandbox) -> None:
    result = core.dbt("test", "--select", "test_type:singular")
    failed = [
        row.node.name for row in result.result if str(row.status) in ("fail", "error")
    ]
    assert not failed
