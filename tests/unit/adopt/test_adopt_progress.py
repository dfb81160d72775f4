"""Whoever waits for a large log is told what is done, for how long, and how far."""

from __future__ import annotations

import duckdb

from orchestration.adopt.progress import Progress

SLOW = (
    "select count(*) from (select hash(range)::varchar as h from range({})) group by h"
)


def test_a_step_that_takes_long_is_told_again_with_its_share() -> None:
    """The query is made longer until three ticks of 50 ms fit into it."""
    connection = duckdb.connect(config={"threads": 1})
    told: list[str] = []
    size = 300_000
    while len(told) < 4 and size < 10**8:
        told.clear()
        with Progress(connection, told.append, every=0.05) as progress:
            progress("reading log.csv")
            connection.execute(SLOW.format(size))
        size *= 4
    assert told[0] == "reading log.csv"
    assert all(line.startswith("reading log.csv: 0 s") for line in told[1:])
    assert any(line.endswith(" % of this query") for line in told)


def test_nothing_is_told_before_the_first_step_or_after_the_last() -> None:
    connection = duckdb.connect()
    told: list[str] = []
    with Progress(connection, told.append, every=0.001) as progress:
        connection.execute(SLOW.format(50_000))
        assert told == []
        progress("writing")
    count = len(told)
    connection.execute(SLOW.format(50_000))
    assert (told[0], len(told)) == ("writing", count)
