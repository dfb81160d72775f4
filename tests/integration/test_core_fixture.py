"""Fixture F and the small cases of the process core, from events to marts.

Fixture F, minutes. I1: A 0-10 r1, B 10-40 r1, C 10-50 r2, E 10-50 r3, B 60-70 r2,
D 90-100 r1, closed. I2: A B D, closed. I3: A B, open. Goldens are hand arithmetic.
"""

from __future__ import annotations

from collections import Counter
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


def timed(
    name: str,
    event_id: str,
    activity: str,
    start: float | None,
    end: float | None,
    resource: str | None = None,
    **values: Any,
) -> dict[str, Any]:
    return event(
        name,
        f"{name}-{event_id}",
        activity,
        started_at=None if start is None else at(start),
        occurred_at=None if end is None else at(end),
        resource_id=resource,
        **values,
    )


def points(name: str, *activities: str) -> list[dict[str, Any]]:
    """Events of no length, ten minutes apart."""
    return [
        timed(name, f"{place:03}", activity, 10 * place, 10 * place)
        for place, activity in enumerate(activities)
    ]


FIXTURE_F = [
    timed("I1", "1", "A", 0, 10, "r1"),
    timed("I1", "2", "B", 10, 40, "r1"),
    timed("I1", "3", "C", 10, 50, "r2"),
    timed("I1", "4", "E", 10, 50, "r3"),
    timed("I1", "5", "B", 60, 70, "r2"),
    timed("I1", "6", "D", 90, 100, "r1"),
    *points("I2", "A", "B", "D"),
    *points("I3", "A", "B"),
]
CASES = {
    # Reopening: a terminal activity is left for work.
    "open_solved_open": ("open", "solved", "open"),
    "open_solved": ("open", "solved"),
    "open_solved_closed": ("open", "solved", "closed"),
    "open_solved_closed_open": ("open", "solved", "closed", "open"),
    "open_solved_survey": ("open", "solved", "survey"),
    # Approvals.
    "p1_p1": ("p1", "p1"),
    "p1_again": ("p1", "p1_again"),
    "p1_change_p1": ("p1", "change", "p1"),
    "p1_p2": ("p1", "p2"),
    "p1_work_p2": ("p1", "A", "p2"),
    # Self-loops.
    "a_a_b": ("A", "A", "B"),
    "a_b_x": ("A", "B"),
}
EDGES = [
    # Only block, and a second one: the last block counts.
    timed("one_block", "1", "A", 0, 10),
    timed("two_blocks", "1", "A", 0, 10),
    timed("two_blocks", "2", "B", 20, 30),
    # The second visit of A begins while the first still runs.
    timed("parallel", "1", "A", 0, 20, "r1"),
    timed("parallel", "2", "A", 10, 30, "r1"),
    timed("reversed", "1", "A", 0, 10),
    timed("reversed", "2", "B", 30, 20),
    timed("no_start", "1", "A", 0, 10),
    timed("no_start", "2", "B", None, 20),
    timed("open_step", "1", "A", 0, 10),
    timed("open_step", "2", "B", 15, None),
    timed("machine", "1", "A", 0, 0, "r1", org_unit_code="u1"),
    timed("machine", "2", "B", 1, 1, "system:robot", org_unit_code="u2"),
    timed("machine", "3", "C", 2, 2, "r2", org_unit_code="u2"),
    timed("machine", "4", "D", 3, 3, None, org_unit_code=None),
    # A milestone after the end prolongs nothing.
    timed("milestone", "1", "A", 0, 10),
    timed("milestone", "2", "survey", 500, 500),
]
STEPS = [
    step("A", 1),
    step("B", 2),
    step("C", 3),
    step("E", 4),
    step("D", 5),
    step("open", 1),
    step("solved", 2, is_terminal="true"),
    step("closed", 3, is_terminal="true"),
    step("survey", 9, is_after_end="true"),
    step("p1", 1, kind="approval", approval_level="1"),
    step("p1_again", 2, kind="approval", approval_level="1"),
    step("p2", 3, kind="approval", approval_level="2"),
    step("change", 4, kind="change"),
]
ENDED = {"ended_at": at(1000), "started_at": at(0)}


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    events = [
        *FIXTURE_F,
        *(row for name, codes in CASES.items() for row in points(name, *codes)),
        *EDGES,
    ]
    names = dict.fromkeys(row["process_instance_id"] for row in events)
    sandbox = make_sandbox(
        tmp_path_factory.mktemp("fixture_f"),
        events=events,
        instances=[
            *(
                instance(name, started_at=at(0), data_as_of=at(30))
                if name in ("I3", "open_step")
                else instance(name, **ENDED)
                for name in names
            ),
            instance("eventless", started_at=at(0)),
            instance("cancelled", is_cancelled=True, started_at=at(0)),
        ],
        process_steps=STEPS,
    )
    sandbox.build()
    return sandbox


def instance_row(core: Sandbox, name: str) -> dict[str, Any]:
    (row,) = core.rows(
        f"from fct_process_instances where process_instance_id = '{name}'"
    )
    return row


def paths(core: Sandbox, *names: str) -> list[dict[str, Any]]:
    listed = ", ".join(f"'{name}'" for name in names)
    return core.rows(
        f"from fct_process_paths where process_instance_id in ({listed}) "
        "order by process_instance_id, path_no"
    )


@pytest.mark.parametrize(
    ("measure", "minutes"),
    [("sojourn", 100), ("processing", 70), ("idle", 30), ("touch", 140)],
)
def test_clocks_of_fixture_f(core: Sandbox, measure: str, minutes: int) -> None:
    assert instance_row(core, "I1")[f"{measure}_elapsed_seconds"] == minutes * MINUTE


def test_no_calendar_means_no_working_time_not_zero(core: Sandbox) -> None:
    row = instance_row(core, "I1")
    assert [row[name] for name in row if name.endswith("_working_seconds")] == [
        None
    ] * 6


def test_order_waits_gaps_and_overlaps_of_fixture_f(core: Sandbox) -> None:
    steps = [row for row in paths(core, "I1") if row["path_kind"] == "step"]
    assert "".join(["A"] + [row["to_activity_code"] for row in steps]) == "ABCEBD"

    def minutes(column: str) -> list[float]:
        return [row[f"{column}_elapsed_seconds"] / MINUTE for row in steps]

    assert minutes("wait") == [0, 0, 0, 10, 20]
    assert minutes("overlap") == [0, 30, 40, 0, 0]
    assert minutes("gap") == [30, 10, 0, 20, 30]
    assert [row["is_tied"] for row in steps] == [False, False, True, False, False]


def test_paths_of_fixture_f(core: Sandbox) -> None:
    rows = paths(core, "I1", "I2", "I3")
    counts = Counter(
        (row["from_activity_code"], row["to_activity_code"]) for row in rows
    )
    assert counts == {
        ("START", "A"): 3,
        ("A", "B"): 3,
        ("B", "C"): 1,
        ("C", "E"): 1,
        ("E", "B"): 1,
        ("B", "D"): 2,
        ("D", "END"): 2,
        ("B", "OPEN"): 1,
    }
    assert len(rows) == 14
    assert sum(row["path_kind"] == "step" for row in rows) == 8
    assert sum(row["to_activity_code"] == "B" for row in rows) == 4
    assert sum(row["from_activity_code"] == "B" for row in rows) == 4


def test_shares_are_over_closed_instances_and_open_ones_are_prefixes(
    core: Sandbox,
) -> None:
    rows = core.rows(
        """
        select variants.*
        from fct_process_variants as variants
        where variants.variant_id in (
            select variant_id from fct_process_instances
            where process_instance_id in ('I1', 'I2', 'I3')
        )
        order by activity_path
        """
    )
    assert [
        (row["activity_path"], row["closed_instances"], row["open_instances"])
        for row in rows
    ] == [
        # Closed: a_b_x, two_blocks, reversed, no_start. Open: I3.
        ("A > B", 4, 1),
        ("A > B > C > E > B > D", 1, 0),
        ("A > B > D", 1, 0),
    ]


def test_self_loops_collapse_in_the_second_hash_only(core: Sandbox) -> None:
    looped, plain = instance_row(core, "a_a_b"), instance_row(core, "a_b_x")
    assert looped["variant_id"] != plain["variant_id"]
    assert looped["collapsed_variant_id"] == plain["collapsed_variant_id"]
    assert plain["variant_id"] == plain["collapsed_variant_id"]


def repetitions(core: Sandbox, name: str) -> list[tuple[str, str, bool]]:
    return [
        (row["repetition_where"], row["repetition_who"], row["is_rework"])
        for row in core.rows(
            f"""
            from fct_process_steps
            where process_instance_id = '{name}' and repetition_where is not null
            order by event_no
            """
        )
    ]


def test_repetitions_say_where_and_who(core: Sandbox) -> None:
    assert repetitions(core, "I1") == [("later", "redo", True)]
    assert repetitions(core, "a_a_b") == [("self_loop", "unknown", True)]
    assert repetitions(core, "parallel") == [("parallel", "repeat", False)]
    row = instance_row(core, "parallel")
    assert (row["repetitions"], row["reworks"]) == (1, 0)


def test_handovers_need_two_known_people(core: Sandbox) -> None:
    row = instance_row(core, "I1")
    assert (row["resource_handovers"], row["unknown_resource_changes"]) == (4, 0)
    row = instance_row(core, "machine")
    assert (row["resource_handovers"], row["unknown_resource_changes"]) == (0, 1)
    assert (row["org_unit_handovers"], row["unknown_org_unit_changes"]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "reopenings"),
    [
        ("open_solved_open", 1),
        ("open_solved", 0),
        ("open_solved_closed", 0),
        ("open_solved_closed_open", 1),
        ("open_solved_survey", 0),
    ],
)
def test_reopenings_leave_a_terminal_step_for_work(
    core: Sandbox, name: str, reopenings: int
) -> None:
    assert instance_row(core, name)["reopenings"] == reopenings


def test_a_reopening_is_dated_when_it_happens(core: Sandbox) -> None:
    (row,) = core.rows(
        """
        from fct_process_steps
        where process_instance_id = 'open_solved_open' and is_reopening
        """
    )
    assert row["occurred_at"] == at(20)


@pytest.mark.parametrize(
    ("name", "repeated", "serial"),
    [
        ("p1_p1", 1, 0),
        ("p1_again", 1, 0),
        ("p1_change_p1", 0, 0),
        ("p1_p2", 0, 1),
        ("p1_work_p2", 0, 0),
    ],
)
@pytest.mark.proves("approvals")
def test_repeated_and_serial_approvals(
    core: Sandbox, name: str, repeated: int, serial: int
) -> None:
    row = instance_row(core, name)
    assert (row["repeated_approvals"], row["serial_approvals"]) == (repeated, serial)


@pytest.mark.parametrize(("name", "minutes"), [("one_block", 10), ("two_blocks", 20)])
def test_the_last_busy_block_counts(core: Sandbox, name: str, minutes: int) -> None:
    row = instance_row(core, name)
    assert row["processing_elapsed_seconds"] == minutes * MINUTE


@pytest.mark.proves("waiting")
def test_idle_is_sojourn_less_the_union_not_less_the_sum(core: Sandbox) -> None:
    assert instance_row(core, "I1")["idle_elapsed_seconds"] == 30 * MINUTE


@pytest.mark.parametrize(
    ("name", "reason"), [("reversed", "reversed_clock"), ("no_start", "no_start")]
)
def test_a_step_without_a_usable_clock_is_a_reason_not_a_zero(
    core: Sandbox, name: str, reason: str
) -> None:
    row = instance_row(core, name)
    assert row["processing_reason"] == reason
    assert row["processing_elapsed_seconds"] is None
    assert row["idle_elapsed_seconds"] is None
    assert row["sojourn_elapsed_seconds"] == 20 * MINUTE
    path = paths(core, name)[1]
    assert path["exclusion_reason"] == reason
    assert path["wait_elapsed_seconds"] is None
    assert path["gap_elapsed_seconds"] == 10 * MINUTE


def test_reversed_and_startless_steps_are_counted(core: Sandbox) -> None:
    assert instance_row(core, "reversed")["reversed_steps"] == 1
    assert instance_row(core, "no_start")["startless_steps"] == 1


def test_an_open_step_is_listed_and_nowhere_else(core: Sandbox) -> None:
    row = instance_row(core, "open_step")
    assert (row["events"], row["open_steps"], row["activities"]) == (1, 1, 1)
    assert row["processing_elapsed_seconds"] == 10 * MINUTE
    (listed,) = core.rows("from fct_process_steps where state = 'open'")
    assert listed["event_id"] == "open_step-2"
    assert listed["open_elapsed_seconds"] == 15 * MINUTE
    assert listed["service_elapsed_seconds"] is None
    assert not core.rows("from fct_events where event_id = 'open_step-2'")


def test_milestones_after_the_end_prolong_nothing(core: Sandbox) -> None:
    row = instance_row(core, "milestone")
    assert row["sojourn_elapsed_seconds"] == 10 * MINUTE
    assert (row["events"], row["after_end_steps"]) == (2, 1)


def test_open_instances_have_an_age_and_no_lead_time(core: Sandbox) -> None:
    row = instance_row(core, "I3")
    assert (row["state"], row["lead_reason"]) == ("open", "not_finished")
    assert row["lead_elapsed_seconds"] is None
    assert row["age_elapsed_seconds"] == 30 * MINUTE
    assert instance_row(core, "I1")["lead_elapsed_seconds"] == 1000 * MINUTE


def test_instances_without_events_stay(core: Sandbox) -> None:
    row = instance_row(core, "eventless")
    assert (row["state"], row["events"]) == ("open", 0)
    row = instance_row(core, "cancelled")
    assert (row["state"], row["lead_reason"]) == ("cancelled", "cancelled")


def test_every_data_test_of_the_core_passes_on_the_fixture(core: Sandbox) -> None:
    result = core.dbt("test", "--exclude-resource-type", "unit_test")
    failed = [
        row.node.name for row in result.result if str(row.status) in ("fail", "error")
    ]
    assert not failed
    warned = [row.node.name for row in result.result if str(row.status) == "warn"]
    assert warned == ["assert_core__instances_have_events"]
