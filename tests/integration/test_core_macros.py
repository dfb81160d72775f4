"""Helpers that packs render: pairing of lifecycle rows, milestones, clocks."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from datetime import datetime
from typing import Any

import pytest

from tests.helpers.dbt_sandbox import Sandbox, at, event, make_sandbox

Paired = list[tuple[float | None, float | None]]

LIFECYCLE_COLUMNS = {
    "process_instance_id": "varchar",
    "activity_code": "varchar",
    "event_id": "varchar",
    "lifecycle": "varchar",
    "occurred_at": "timestamp",
    "step_id": "varchar",
}
MODELS = {
    "paired": "{{ pair_lifecycle('fixture.lifecycle') }}",
    "paired_by_step": "{{ pair_lifecycle('fixture.lifecycle', keys=['step_id']) }}",
    **{
        f"milestones_{rule}": (
            "{{ milestone_seconds(ref('fct_events'), 'A', 'B', '" + rule + "') }}"
        )
        for rule in ("first_to_first", "first_to_last", "each")
    },
    "wilson_ends": """
        select
            hits,
            trials,
            round({{ wilson_low('hits', 'trials') }}, 4) as low,
            round({{ wilson_high('hits', 'trials') }}, 4) as high
        from (values (98, 100), (0, 10), (10, 10), (3, 0)) as shares (hits, trials)
    """,
    "named_words": """
        select concat(label, '/', word) as pair
        from (values ('Re-Assign  to_handler'), ('assignment'), ('再次分派'), (null))
            as labels (label)
        cross join (
            values ('en', 'assign'), ('en', 'to handler'), ('zh', '分派')
        ) as words (language, word)
        where {{ names_word('label', 'language', 'word') }}
    """,
    "clock_readings": """
        select
            {{ epoch_seconds("timestamp '1969-12-31 23:59:59.5'") }} as before_epoch,
            {{ elapsed_seconds(
                "timestamp '2024-01-01 00:00:00.9'", "timestamp '2024-01-01 00:00:02.1'"
            ) }} as elapsed,
            {{ local_date("timestamp '2024-03-04 16:30:00'") }} as local_day,
            {{ last_covered_date("timestamp '2024-03-04 16:00:00'") }} as covered_day,
            {{ as_of() }} as as_of,
            {{ as_of_date() }} as as_of_day
    """,
}
GOLDEN_STEPS = ["S1", "S3", "C5", "C7", "C9", "S11"]
MILESTONES = {
    "golden": ["A0", "A5", "B7", "B9", "A20", "B26"],
    "b_first": ["B1", "B2", "A5", "B9"],
    "never": ["B1", "A5"],
    "same_time": ["A5", "B5"],
}


def lifecycle_rows(name: str, moves: list[str]) -> list[dict[str, Any]]:
    """`S3` starts and `C5` completes at that minute; ids in the order given."""
    return [
        {
            "process_instance_id": name,
            "activity_code": "A",
            "event_id": f"{name}-{place:04}",
            "lifecycle": "start" if move[0] == "S" else "complete",
            "occurred_at": at(float(move[1:])),
            "step_id": f"{name}-{place // 2}",
        }
        for place, move in enumerate(moves)
    ]


def random_moves(stream: random.Random) -> list[str]:
    return [
        stream.choice("SC") + str(stream.randrange(12))
        for _ in range(stream.randrange(1, 14))
    ]


RANDOM_LOGS = {
    f"log{number:03}": random_moves(random.Random(number)) for number in range(300)
}


def queue_oracle(moves: list[str]) -> Paired:
    """First in, first out, with an actual queue."""
    waiting: deque[float] = deque()
    paired: Paired = []
    for _, _, _, move in sorted(
        (float(move[1:]), move[0] == "C", place, move)
        for place, move in enumerate(moves)
    ):
        minute = float(move[1:])
        if move[0] == "S":
            waiting.append(minute)
        else:
            paired.append((waiting.popleft() if waiting else None, minute))
    return paired + [(minute, None) for minute in waiting]


def in_order(paired: Paired) -> Paired:
    return sorted(paired, key=lambda pair: [(x is None, x or 0) for x in pair])


@pytest.fixture(scope="module")
def macros(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    sandbox = make_sandbox(
        tmp_path_factory.mktemp("macros"),
        models=MODELS,
        events=[
            event(
                name,
                f"{name}-{place}",
                move[0],
                occurred_at=at(float(move[1:])),
            )
            for name, moves in MILESTONES.items()
            for place, move in enumerate(moves)
        ],
    )
    logs = {"golden": GOLDEN_STEPS, **RANDOM_LOGS}
    rows = [row for name, moves in logs.items() for row in lifecycle_rows(name, moves)]
    ignored = {**rows[0], "event_id": "suspended", "lifecycle": "suspend"}
    random.Random(1).shuffle(rows)
    sandbox.load("lifecycle", LIFECYCLE_COLUMNS, [*rows, ignored])
    sandbox.build("+fct_events", *MODELS)
    return sandbox


@pytest.fixture(scope="module")
def paired(macros: Sandbox) -> dict[str, Paired]:
    found: dict[str, Paired] = defaultdict(list)
    for row in macros.rows("from paired"):
        minutes = [
            None if moment is None else (moment - at(0)).total_seconds() / 60
            for moment in (row["started_at"], row["occurred_at"])
        ]
        found[row["process_instance_id"]].append((minutes[0], minutes[1]))
    return {name: in_order(pairs) for name, pairs in found.items()}


def test_starts_and_completions_pair_as_worked_by_hand(
    paired: dict[str, Paired],
) -> None:
    assert paired["golden"] == [(1, 5), (3, 7), (11, None), (None, 9)]


def test_pairs_equal_those_of_a_queue(paired: dict[str, Paired]) -> None:
    for name, moves in RANDOM_LOGS.items():
        assert paired[name] == in_order(queue_oracle(moves)), (name, moves)


def test_no_lifecycle_row_is_lost_or_doubled(macros: Sandbox) -> None:
    (row,) = macros.rows(
        """
        select
            count(started_at) as starts,
            count(occurred_at) as completions,
            count(distinct event_id) = count(*) as is_key,
            (select count(*) from fixture.lifecycle where lifecycle = 'start')
                as start_rows,
            (select count(*) from fixture.lifecycle where lifecycle = 'complete')
                as complete_rows
        from paired
        """
    )
    assert row["starts"] == row["start_rows"]
    assert row["completions"] == row["complete_rows"]
    assert row["is_key"]


def test_the_step_number_of_a_source_decides_its_own_pairs(macros: Sandbox) -> None:
    rows = macros.rows(
        """
        select step_id, started_at, occurred_at from paired_by_step
        where step_id like 'golden-%' order by step_id, occurred_at
        """
    )
    assert [tuple(row.values())[1:] for row in rows] == [
        # Of a step with two starts and no completion both stay open.
        (at(1), None),
        (at(3), None),
        (None, at(5)),
        (None, at(7)),
        (None, at(9)),
        (at(11), None),
    ]


@pytest.mark.parametrize(
    ("rule", "minutes"),
    [
        ("first_to_first", {"golden": 7, "b_first": 4, "same_time": 0}),
        ("first_to_last", {"golden": 26, "b_first": 4, "same_time": 0}),
        ("each", {"golden": 13, "b_first": 4, "same_time": 0}),
    ],
)
def test_time_between_milestones(
    macros: Sandbox, rule: str, minutes: dict[str, int]
) -> None:
    rows = macros.rows(f"from milestones_{rule}")
    assert {
        row["process_instance_id"]: row["elapsed_seconds"] / 60 for row in rows
    } == minutes


def test_clocks_floor_to_whole_seconds_and_read_local_days(macros: Sandbox) -> None:
    (row,) = macros.rows("from clock_readings")
    assert row["before_epoch"] == -1
    assert row["elapsed"] == 2
    assert str(row["local_day"]) == "2024-03-05"
    # Data up to local midnight cover the day that it ends.
    assert str(row["covered_day"]) == "2024-03-04"
    assert row["as_of"] == datetime(2026, 6, 30, 18)
    assert str(row["as_of_day"]) == "2026-07-01"


@pytest.mark.parametrize(
    ("name", "value"), [("as_of", "yesterday"), ("timezone", "Asia/Shanghai' --")]
)
def test_a_bad_run_variable_is_named(macros: Sandbox, name: str, value: str) -> None:
    wrong = Sandbox(macros.root, {**macros.variables, name: value})
    with pytest.raises(Exception, match=f"var {name} = '{value}'"):
        wrong.build("clock_readings")


def test_ends_of_a_share_are_wilsons(macros: Sandbox) -> None:
    """Goldens of the 95 % interval; of no trials there is none."""
    rows = macros.rows("from wilson_ends")
    found = {(row["hits"], row["trials"]): (row["low"], row["high"]) for row in rows}
    assert found == {
        (98, 100): (0.93, 0.9945),
        (0, 10): (0, 0.2775),
        (10, 10): (0.7225, 1),
        (3, 0): (None, None),
    }


def test_english_words_are_whole_and_chinese_ones_anywhere(macros: Sandbox) -> None:
    assert {row["pair"] for row in macros.rows("from named_words")} == {
        "Re-Assign  to_handler/assign",
        "Re-Assign  to_handler/to handler",
        "再次分派/分派",
    }
