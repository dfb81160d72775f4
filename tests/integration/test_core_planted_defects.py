"""Each invariant of the core, seen to fail: a check that cannot fail checks nothing.

Sound tables are built once; then one defect at a time is planted in a copy, and the SQL
of the dbt test runs against it. Findings on sound data must be none.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from tests.helpers.dbt_sandbox import (
    REPOSITORY,
    Sandbox,
    at,
    event,
    instance,
    make_sandbox,
    step,
)

# Test, what a bug would do to the tables, and who would do it.
DEFECTS = {
    "event copied to a second order": (
        "assert_core__one_event_one_instance",
        """
        insert into int_process_events by name
        select * replace ('I2' as process_instance_id)
        from int_process_events where event_id = '1'
        """,
    ),
    "join that drops a completed event": (
        "assert_core__no_event_is_lost",
        "delete from fct_events where event_id = '2'",
    ),
    "join that doubles a step": (
        "assert_core__no_event_is_lost",
        """
        insert into fct_process_steps
        select * from fct_process_steps where event_id = '2'
        """,
    ),
    "open step left out": (
        "assert_core__no_event_is_lost",
        "delete from fct_process_steps where state = 'open'",
    ),
    "event without any time": (
        "assert_core__no_event_is_lost",
        "update fct_process_steps set started_at = null where state = 'open'",
    ),
    "instance count that ignores an event": (
        "assert_core__no_event_is_lost",
        "update fct_process_instances set events = events - 1 where events > 1",
    ),
    "instance dropped by a filter": (
        "assert_core__no_instance_is_lost",
        "delete from fct_process_instances where state = 'open'",
    ),
    "event of an unknown instance": (
        "assert_core__no_instance_is_lost",
        "update int_process_events set process_instance_id = 'I9' where event_id = '1'",
    ),
    "transition lost": (
        "assert_core__paths_balance_events",
        "delete from fct_process_paths where path_kind = 'step' and path_no = 2",
    ),
    "last event without an exit": (
        "assert_core__paths_balance_events",
        "delete from fct_process_paths where path_kind = 'open'",
    ),
    "transition to the wrong activity": (
        "assert_core__inflow_equals_outflow",
        """
        update fct_process_paths set to_activity_code = 'A'
        where to_activity_code = 'D'
        """,
    ),
    "processing summed, not merged": (
        "assert_core__processing_fits_sojourn_and_touch",
        """
        update fct_process_instances
        set processing_elapsed_seconds = sojourn_elapsed_seconds + 1
        """,
    ),
    "processing beyond the work done": (
        "assert_core__processing_fits_sojourn_and_touch",
        """
        update fct_process_instances
        set processing_elapsed_seconds = sojourn_elapsed_seconds,
            touch_elapsed_seconds = 0
        where sojourn_elapsed_seconds > 0
        """,
    ),
    "working time beyond elapsed time": (
        "assert_core__processing_fits_sojourn_and_touch",
        """
        update fct_process_instances
        set processing_working_seconds = processing_elapsed_seconds + 1
        where processing_elapsed_seconds is not null
        """,
    ),
    "repetition not counted": (
        "assert_core__repetitions_are_events_less_activities",
        "update fct_process_instances set repetitions = 0 where repetitions > 0",
    ),
    "more rework than repetition": (
        "assert_core__repetitions_are_events_less_activities",
        "update fct_process_instances set reworks = repetitions + 1",
    ),
    "variant lost": (
        "assert_core__variants_cover_instances",
        "delete from fct_process_variants where closed_instances = 1",
    ),
    "instance that is neither closed, open nor excluded": (
        "assert_core__variants_cover_instances",
        "update fct_process_variants set closed_instances = 0",
    ),
    "step left out of the comparison with the map": (
        "assert_core__map_shows_every_step_and_event",
        "delete from fct_process_map_steps where activity_code = 'E'",
    ),
    "events counted twice beside the map": (
        "assert_core__map_shows_every_step_and_event",
        "update fct_process_map_steps set event_count = 2 * event_count",
    ),
    "coverage that counts steps nobody saw": (
        "assert_core__coverage_adds_up_to_the_map",
        "update fct_process_map_coverage set seen_step_count = designed_step_count",
    ),
    "process without a coverage": (
        "assert_core__coverage_adds_up_to_the_map",
        "delete from fct_process_map_coverage",
    ),
    "month of steps lost": (
        "assert_core__step_periods_add_up_to_steps",
        """
        delete from fct_process_step_periods
        where period_grain = 'month' and activity_code = 'B'
        """,
    ),
    "work of a step doubled by a join": (
        "assert_core__step_periods_add_up_to_steps",
        """
        update fct_process_step_periods
        set processing_elapsed_seconds = 2 * processing_elapsed_seconds
        where period_grain = 'week'
        """,
    ),
    "rework forgotten": (
        "assert_core__step_periods_add_up_to_steps",
        "update fct_process_step_periods set rework_count = 0",
    ),
    "week of paths lost": (
        "assert_core__path_periods_add_up_to_paths",
        "delete from fct_process_path_periods where to_activity_code = 'OPEN'",
    ),
    "wait written to another path": (
        "assert_core__waits_of_steps_are_waits_of_paths",
        """
        update fct_process_path_periods
        set to_activity_code = case to_activity_code
            when 'B' then 'D' when 'D' then 'B' else to_activity_code
        end
        """,
    ),
    "hand-over counted on one side only": (
        "assert_core__waits_of_steps_are_waits_of_paths",
        """
        update fct_process_path_periods
        set org_unit_handover_count = org_unit_handover_count + 1
        where path_kind = 'step'
        """,
    ),
    "instance without events": (
        "assert_core__instances_have_events",
        "update fct_process_instances set events = 0 where process_instance_id = 'I1'",
    ),
    "year missing between two": (
        "assert_core__calendar_days_are_contiguous",
        """
        delete from dim_calendar_days
        where local_date between '2025-01-01' and '2025-12-31'
        """,
    ),
    "shifts that overlap": (
        "assert_core__calendar_pieces_do_not_overlap",
        """
        update int_calendar_pieces set opens_at = opens_at - interval 5 hour
        where piece_no = 2
        """,
    ),
    "shift that ends before it begins": (
        "assert_core__calendar_pieces_do_not_overlap",
        "update int_calendar_pieces set closes_at = opens_at - interval 1 minute",
    ),
}
VIEWS = ("int_process_events", "int_process_instances")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    def done(name: str, event_id: str, activity: str, minute: float) -> dict:
        return event(
            name,
            event_id,
            activity,
            started_at=at(minute),
            occurred_at=at(minute + 5),
        )

    sandbox = make_sandbox(
        tmp_path_factory.mktemp("sound"),
        events=[
            done("I1", "1", "A", 0),
            done("I1", "2", "B", 10),
            done("I1", "3", "B", 20),
            done("I1", "4", "D", 30),
            done("I2", "5", "A", 0),
            event("I2", "6", "B", started_at=at(10)),
        ],
        instances=[
            instance("I1", started_at=at(0), ended_at=at(35)),
            instance("I2", started_at=at(0)),
        ],
        process_steps=[step("A", 1), step("B", 2), step("D", 3), step("E", 4)],
        calendar_code="office",
    )
    sandbox.build()
    compiled = sandbox.dbt("compile", "--select", "test_type:singular")
    assert compiled.success
    with sandbox.connect(read_only=False) as connection:
        # Stored, so that a defect can be planted in them too.
        for view in VIEWS:
            connection.execute(f"create table stored as from {view}")
            connection.execute(f"drop view {view}")
            connection.execute(f"alter table stored rename to {view}")
    return sandbox


def findings(database: Path, sql: str) -> int:
    with duckdb.connect(str(database), read_only=True) as connection:
        return len(connection.execute(sql).fetchall())


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(sound: Sandbox, tmp_path: Path, defect: str) -> None:
    test, plant = DEFECTS[defect]
    sql = sound.compiled(test)
    assert findings(sound.database, sql) == 0
    spoiled = tmp_path / "sandbox.duckdb"
    shutil.copy(sound.database, spoiled)
    with duckdb.connect(str(spoiled)) as connection:
        connection.execute(plant)
    assert findings(spoiled, sql) > 0


def test_every_invariant_of_the_core_has_a_planted_defect() -> None:
    tests = {path.stem for path in (REPOSITORY / "tests/data/core").glob("*.sql")}
    assert tests == {test for test, _ in DEFECTS.values()}


@pytest.mark.parametrize(
    ("shifts", "failing"),
    [
        (
            [("08:00", "10:00"), ("11:00", "12:00"), ("13:00", "14:00")],
            "piece_no in (1, 2)",
        ),
        (
            [("08:00", "12:00"), ("11:00", "14:00")],
            "assert_core__calendar_pieces_do_not_overlap",
        ),
    ],
)
def test_hours_that_cannot_be_kept_refuse_the_build(
    tmp_path: Path, shifts: list[tuple[str, str]], failing: str
) -> None:
    sandbox = make_sandbox(
        tmp_path,
        calendars=[
            {
                "calendar_code": "odd",
                "weekday": "1",
                "opens_at": opens,
                "closes_at": closes,
                "valid_from": "2024-01-01",
                "valid_to": "2025-01-01",
                "timezone": "Asia/Shanghai",
            }
            for opens, closes in shifts
        ],
    )
    sandbox.build("+int_calendar_pieces")
    result = sandbox.dbt(
        "test",
        "--select",
        "int_calendar_pieces",
        "--exclude-resource-type",
        "unit_test",
    )
    failed = []
    for row in result.result:
        if str(row.status) == "fail":
            found = sandbox.rows(row.node.compiled_code)
            failed += [one.get("promise", row.node.name) for one in found]
    assert set(failed) == {failing}
