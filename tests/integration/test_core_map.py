"""Map and log compared, and steps and paths by week and month, on a hand-made log.

The map: A 1 · B 2 · P 3 (approval) · D 4 (terminal) · R 5 (rework) · S 6 (after the
end) · N 7, which never happens · O 8, retired and never seen.

Minutes after Monday 2024-01-01 00:00 UTC, 08:00 in Shanghai:

| instance | events | segment |
|---|---|---|
| good | A 0-10 r1, B 20-30 r2, P 40, P 50, D 60-70 r2, S 100 | red |
| swapped | B 0-5 r1, A 5-10 r1, D 20-30 r1 | red |
| skipped | A 0-10, D 20-30, A 40-50 (again, not out of order) | blue |
| reworked | D 0-10, R 20-30, S 40, B 50-60 (too late) | blue |
| strange | A 0-10, X 20-30 | blue |
| february | A in February, 44640-44650 | blue |
| tested | P before A; excluded from periods, but seen | blue |
| going_on | A 0-10, B from 20 on | blue |
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.dbt_sandbox import (
    Sandbox,
    at,
    event,
    instance,
    make_sandbox,
    step,
)

MINUTE = 60
UNITS = {"r1": "u1", "r2": "u2"}

Visit = tuple[str, float | None, float | None, str | None]

LOG: dict[str, list[Visit]] = {
    "good": [
        ("A", 0, 10, "r1"),
        ("B", 20, 30, "r2"),
        ("P", 40, 40, None),
        ("P", 50, 50, None),
        ("D", 60, 70, "r2"),
        ("S", 100, 100, None),
    ],
    "swapped": [("B", 0, 5, "r1"), ("A", 5, 10, "r1"), ("D", 20, 30, "r1")],
    "skipped": [("A", 0, 10, None), ("D", 20, 30, None), ("A", 40, 50, None)],
    "reworked": [
        ("D", 0, 10, None),
        ("R", 20, 30, None),
        ("S", 40, 40, None),
        ("B", 50, 60, None),
    ],
    "strange": [("A", 0, 10, None), ("X", 20, 30, None)],
    "february": [("A", 44_640, 44_650, None)],
    "tested": [("P", 0, 0, None), ("A", 10, 20, None)],
    "going_on": [("A", 0, 10, None), ("B", 20, None, None)],
}
SEGMENTS = {"good": "red", "swapped": "red"}
MAP = [
    step("A", 1, name_en="Ask", name_zh="提问"),
    step("B", 2),
    step("P", 3, kind="approval", approval_level="1"),
    step("D", 4, is_terminal="true"),
    step("R", 5, kind="rework"),
    step("S", 6, is_terminal="true", is_after_end="true"),
    step("N", 7),
    step("O", 8, valid_to="2023-01-01"),
]


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    sandbox = make_sandbox(
        tmp_path_factory.mktemp("map"),
        events=[
            event(
                name,
                f"{name}-{number}",
                activity,
                started_at=None if start is None else at(start),
                occurred_at=None if end is None else at(end),
                resource_id=resource,
                org_unit_code=UNITS.get(resource or ""),
            )
            for name, visits in LOG.items()
            for number, (activity, start, end, resource) in enumerate(visits)
        ],
        instances=[
            instance(
                name,
                started_at=at(0),
                ended_at=None if name == "going_on" else at(100),
                segment_code=SEGMENTS.get(name, "blue"),
                exclusion_reason="test_record" if name == "tested" else None,
            )
            for name in LOG
        ],
        process_steps=MAP,
        calendar_code="office",
    )
    sandbox.build()
    return sandbox


def activities(core: Sandbox, column: str) -> dict[str, Any]:
    rows = core.rows("from fct_process_map_steps")
    return {row["activity_code"]: row[column] for row in rows}


@pytest.mark.proves("map")
def test_steps_never_seen_and_activities_not_on_the_map_are_named(
    core: Sandbox,
) -> None:
    assert activities(core, "map_state") == {
        **dict.fromkeys(("A", "B", "P", "D", "R", "S"), "seen"),
        "N": "never_seen",
        "O": "retired",
        "X": "not_on_map",
    }


def test_events_and_open_steps_are_counted_per_activity(core: Sandbox) -> None:
    assert activities(core, "event_count") == {
        **{"A": 8, "B": 3, "P": 3, "D": 4, "R": 1, "S": 2, "X": 1},
        **{"N": 0, "O": 0},
    }
    assert activities(core, "open_step_count")["B"] == 1
    assert activities(core, "instance_count")["B"] == 4
    assert set(activities(core, "process_instance_count").values()) == {8}


def test_only_the_first_visit_of_a_step_with_a_place_can_be_out_of_order(
    core: Sandbox,
) -> None:
    """A in swapped and tested, B in reworked; not the second A, R or S."""
    found = core.rows(
        """
        select process_instance_id, activity_code
        from int_process_steps_placed where is_out_of_order
        order by process_instance_id
        """
    )
    assert [tuple(row.values()) for row in found] == [
        ("reworked", "B"),
        ("swapped", "A"),
        ("tested", "A"),
    ]
    counts = activities(core, "out_of_order_instance_count")
    assert {code: count for code, count in counts.items() if count} == {"A": 2, "B": 1}


def test_coverage_of_a_process(core: Sandbox) -> None:
    """Seven designed steps, six seen; 21 of 22 events mapped; 3 of 8 out of order."""
    (row,) = core.rows("from fct_process_map_coverage")
    assert (row["designed_step_count"], row["seen_step_count"]) == (7, 6)
    assert row["step_coverage_pct"] == 85.71
    assert row["never_seen_activity_codes"] == "N"
    assert row["unmapped_activity_count"] == 1
    assert row["unmapped_activity_codes"] == "X"
    assert (row["event_count"], row["mapped_event_count"]) == (22, 21)
    assert row["event_coverage_pct"] == 95.45
    assert (row["instance_count"], row["out_of_order_instance_count"]) == (8, 3)
    assert row["in_order_pct"] == 62.5


def test_the_day_of_first_and_last_sight_is_local(core: Sandbox) -> None:
    assert str(activities(core, "first_seen_on")["A"]) == "2024-01-01"
    assert str(activities(core, "last_seen_on")["A"]) == "2024-02-01"


def steps(core: Sandbox, where: str) -> dict[str, dict[str, Any]]:
    rows = core.rows(f"from fct_process_step_periods where {where}")
    assert len({row["activity_code"] for row in rows}) == len(rows)
    return {row["activity_code"]: row for row in rows}


JANUARY = "period_grain = 'month' and period_start = date '2024-01-01'"
RED = f"{JANUARY} and segment_code = 'red'"
BLUE = f"{JANUARY} and segment_code = 'blue'"


def test_months_and_weeks_hold_the_steps_completed_in_them(core: Sandbox) -> None:
    assert {code: row["step_count"] for code, row in steps(core, RED).items()} == {
        **{"A": 2, "B": 2, "P": 2, "D": 2, "S": 1}
    }
    # The test record and the open step are no facts.
    assert {code: row["step_count"] for code, row in steps(core, BLUE).items()} == {
        **{"A": 4, "B": 1, "D": 2, "R": 1, "S": 1, "X": 1}
    }
    found = core.rows(
        """
        select period_grain, period_start, step_count from fct_process_step_periods
        where activity_code = 'A' and segment_code = 'blue'
        order by period_grain, period_start
        """
    )
    assert [(row["period_grain"], str(row["period_start"])) for row in found] == [
        ("month", "2024-01-01"),
        ("month", "2024-02-01"),
        ("week", "2024-01-01"),
        ("week", "2024-01-29"),
    ]
    assert [row["step_count"] for row in found] == [4, 1, 4, 1]


def test_work_and_waiting_of_a_step_are_sums_with_their_counts(core: Sandbox) -> None:
    """B red: 10 + 5 minutes of work; one wait, of 10 minutes; the other came first."""
    row = steps(core, RED)["B"]
    assert row["processing_elapsed_seconds"] == 15 * MINUTE
    assert row["processing_elapsed_count"] == 2
    assert row["waiting_elapsed_seconds"] == 10 * MINUTE
    assert row["waiting_elapsed_count"] == 1
    assert row["gap_elapsed_seconds"] == 20 * MINUTE
    # 2024-01-01 is a holiday: nobody worked.
    assert row["processing_working_seconds"] == 0
    assert row["waiting_working_seconds"] == 0


def test_rework_handovers_and_repeated_approvals_are_dated_when_they_happen(
    core: Sandbox,
) -> None:
    """Red: A r1 → B r2 is a hand-over; P, P repeated. Blue: the second A in skipped
    comes later and reopens what D had ended; so does R. S reopens nothing, but B after
    it does."""
    red, blue = steps(core, RED), steps(core, BLUE)
    assert red["B"]["resource_handover_count"] == 1
    assert red["B"]["org_unit_handover_count"] == 1
    assert red["P"]["repeated_approval_count"] == 1
    assert red["P"]["rework_count"] == 1
    assert red["D"]["unknown_resource_change_count"] == 1
    assert (blue["A"]["repetition_count"], blue["A"]["rework_count"]) == (1, 1)
    assert {code: row["reopening_count"] for code, row in blue.items()} == {
        **{"A": 1, "B": 1, "D": 0, "R": 1, "S": 0, "X": 0}
    }


def test_steps_carry_what_the_map_says(core: Sandbox) -> None:
    row = steps(core, RED)["A"]
    assert (row["is_on_map"], row["step_no"]) == (True, 1)
    assert (row["name_en"], row["name_zh"]) == ("Ask", "提问")
    assert steps(core, BLUE)["X"]["is_on_map"] is False


def test_paths_of_a_month_say_where_time_goes(core: Sandbox) -> None:
    rows = core.rows(f"from fct_process_path_periods where {RED}")
    counts = {
        (row["from_activity_code"], row["to_activity_code"]): row["path_count"]
        for row in rows
    }
    assert counts == {
        **{("START", "A"): 1, ("A", "B"): 1, ("B", "P"): 1, ("P", "P"): 1},
        **{("P", "D"): 1, ("D", "S"): 1, ("S", "END"): 1},
        **{("START", "B"): 1, ("B", "A"): 1, ("A", "D"): 1, ("D", "END"): 1},
    }
    (back,) = [row for row in rows if row["is_backward"]]
    assert (back["from_activity_code"], back["to_activity_code"]) == ("B", "A")
    assert (back["from_step_no"], back["to_step_no"]) == (2, 1)
    (waited,) = [row for row in rows if row["to_activity_code"] == "S"]
    assert waited["waiting_elapsed_seconds"] == 30 * MINUTE
    assert waited["gap_elapsed_seconds"] == 30 * MINUTE


def test_an_unfinished_instance_leaves_its_last_step_for_open(core: Sandbox) -> None:
    (row,) = core.rows(
        f"from fct_process_path_periods where {BLUE} and path_kind = 'open'"
    )
    assert (row["from_activity_code"], row["path_count"]) == ("A", 1)
    assert row["to_step_no"] is None


def test_every_data_test_of_the_core_passes(core: Sandbox) -> None:
    result = core.dbt("test", "--exclude-resource-type", "unit_test")
    failed = [
        row.node.name for row in result.result if str(row.status) in ("fail", "error")
    ]
    assert not failed
