"""The ServiceNow incident log, published as an overlay, equals the raw file's oracle.

Every figure is an integer or an exact fraction. Facts worked out by hand from the
file (119,998 updates of 20,769 incidents) stand beside the oracle's, so that both
cannot be wrong together unseen.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from tests.real.nights import EARLY, Night
from tests.real.oracles.exact import percentile
from tests.real.oracles.incident_uci import Oracle, compute

EVENTS = "select count(*) from fct_events where process_code = 'incidents'"
NIGHTS = ["early_night", "full_night"]


@pytest.fixture(scope="session")
def oracles(real_data: Path) -> dict[str, Oracle]:
    """What the log says, by night."""
    raw = real_data / "incident_uci" / "incident_event_log.csv.gz"
    return {"early_night": compute(raw, EARLY), "full_night": compute(raw)}


@pytest.fixture(params=NIGHTS)
def both(
    request: pytest.FixtureRequest,
    early_night: Night,
    full_night: Night,
    oracles: dict[str, Oracle],
) -> tuple[Night, Oracle]:
    """Both nights: whatever holds for the whole log holds for its beginning."""
    nights = {"early_night": early_night, "full_night": full_night}
    return nights[request.param], oracles[request.param]


@pytest.fixture
def night(both: tuple[Night, Oracle]) -> Night:
    """What was published."""
    return both[0]


@pytest.fixture
def oracle(both: tuple[Night, Oracle]) -> Oracle:
    """What it must equal."""
    return both[1]


def test_the_raw_file_is_the_one_this_test_was_written_for(
    oracles: dict[str, Oracle],
) -> None:
    oracle = oracles["full_night"]
    assert oracle.rows_in == 119_998
    assert len(oracle.updates) == 20_769
    assert oracle.exact_duplicates == 0
    assert oracle.same_state_same_minute == 5_524
    assert oracle.states["-100"] == 2


def test_every_row_is_loaded_once_and_none_is_rejected(
    night: Night, oracle: Oracle
) -> None:
    batches = night.project.ledger(
        "select rows_in, loaded, rejected, duplicates, dst_flagged from batches"
        " where source = 'servicenow' order by seq"
    )
    expected = {
        "rows_in": oracle.rows_in,
        "loaded": oracle.rows_in,
        "rejected": 0,
        "duplicates": 0,
        "dst_flagged": 0,
    }
    assert batches == [expected]


def test_header_fields_that_know_the_future_never_reach_the_lake(
    full_night: Night,
) -> None:
    (first, *_) = full_night.project.ledger(
        "select extra_columns from batches where source = 'servicenow'"
    )
    for leak in ("resolved_at", "closed_at", "resolved_by", "closed_code", "made_sla"):
        assert f'"{leak}"' in str(first["extra_columns"])


def test_a_file_that_broke_off_is_refused_and_the_night_goes_on(
    full_night: Night, oracles: dict[str, Oracle]
) -> None:
    refused = full_night.project.ledger(
        "select path, refusal_code from files where outcome = 'refused'"
    )
    assert [(row["path"], row["refusal_code"]) for row in refused] == [
        ("servicenow/incident_event_log_r2.csv.gz", "truncated")
    ]
    assert full_night.exit_code == 3
    assert full_night.value(EVENTS) == oracles["full_night"].rows_in
    stale = full_night.rows(
        "select export_code, stale_reason from dim_exports where is_held"
    )
    assert stale == [("servicenow.incident_updates", "refused")]


def test_every_update_is_an_event_with_its_state(night: Night, oracle: Oracle) -> None:
    published = dict(
        night.rows(
            """
            select activity_code, count(*) from fct_events
            where process_code = 'incidents' group by activity_code
            """
        )
    )
    codes = {"-100": "unknown"}
    assert published == {
        codes.get(state, state.lower().replace(" ", "_")): count
        for state, count in oracle.states.items()
    }
    assert night.value(EVENTS.replace("*", "distinct event_id")) == oracle.rows_in


def test_updates_of_one_state_in_one_minute_are_kept_and_countable(
    night: Night, oracle: Oracle
) -> None:
    repeated = night.value(
        """
        select sum(updates - 1) from (
            select count(*) as updates from fct_events
            where process_code = 'incidents'
            group by
                process_instance_id, activity_code, date_trunc('minute', occurred_at)
        )
        """
    )
    assert repeated == oracle.same_state_same_minute


def test_every_incident_is_an_instance_open_until_its_state_is_terminal(
    night: Night, oracle: Oracle
) -> None:
    states = dict(
        night.rows(
            """
            select process_instance_id, state from fct_process_instances
            where process_code = 'incidents'
            """
        )
    )
    assert states.keys() == oracle.updates.keys()
    assert {i for i, state in states.items() if state == "open"} == (oracle.unsolved)


def test_an_early_night_does_not_know_what_the_header_says_of_later(
    early_night: Night, oracles: dict[str, Oracle]
) -> None:
    """A model that read the header would call most of the open incidents resolved."""
    oracle = oracles["early_night"]
    open_now = {
        subject
        for subject, row in early_night.observations(
            "incidents.resolution_hours"
        ).items()
        if row.state == "open"
    }
    assert len(open_now) == 1_462
    assert len(open_now & oracle.resolved_by_header) > 1_000
    assert early_night.value(
        "select max(first_event_at) < timestamp '2016-04-01 00:00:00'"
        " and max(ended_at) < timestamp '2016-04-01 00:00:00'"
        " from fct_process_instances where process_code = 'incidents'"
    )
    assert oracle.data_as_of < EARLY


@pytest.mark.parametrize(
    ("kpi", "figure"),
    [
        ("incidents.resolution_hours", "resolution"),
        ("incidents.assignment_minutes", "assignment"),
        ("incidents.repeat_caller_rate_pct", "repeats"),
    ],
)
def test_every_observation_equals_the_oracle(
    night: Night, oracle: Oracle, kpi: str, figure: str
) -> None:
    assert night.observations(kpi) == getattr(oracle, figure)


def test_states_of_the_whole_log_are_those_counted_by_hand(full_night: Night) -> None:
    """One incident of the file has no more than its first row; three close unresolved.

    Five updates carry a moment before the opening of their incident.
    """
    counted = Counter(
        (kpi.split(".")[1], state, reason)
        for kpi, state, reason in full_night.rows(
            "select kpi_code, state, exclusion_reason from fct_kpi_observations"
            " where kpi_code like 'incidents.%' and state <> 'counted'"
        )
    )
    assert counted == {
        ("resolution_hours", "excluded", "missing_milestone"): 3,
        ("resolution_hours", "open", "not_resolved_yet"): 1,
        ("assignment_minutes", "excluded", "missing_milestone"): 28,
        ("assignment_minutes", "excluded", "reversed_clock"): 5,
        ("repeat_caller_rate_pct", "excluded", "unknown_caller"): 3,
        ("repeat_caller_rate_pct", "undecided", "window_running"): 5,
    }


@pytest.mark.parametrize("share", ["0.5", "0.9"])
@pytest.mark.parametrize(
    ("kpi", "figure"),
    [
        ("incidents.resolution_hours", "resolution"),
        ("incidents.assignment_minutes", "assignment"),
    ],
)
def test_percentiles_of_subject_rows_are_exact(
    night: Night, oracle: Oracle, kpi: str, figure: str, share: str
) -> None:
    published = night.value(
        f"""
        select quantile_cont(numerator, {share}) from fct_kpi_observations
        where kpi_code = '{kpi}' and state = 'counted'
        """
    )
    expected = percentile(
        (
            row.numerator
            for row in getattr(oracle, figure).values()
            if row.state == "counted"
        ),
        share,
    )
    # Ranks fall on tenths between whole seconds.
    assert expected == Fraction(round(published * 10), 10)


def test_reopenings_are_dated_when_they_happen(night: Night, oracle: Oracle) -> None:
    published = Counter(
        night.rows(
            """
            select process_instance_id, epoch_us(occurred_at) // 60000000
            from fct_process_steps
            where process_code = 'incidents' and is_reopening
            """
        )
    )
    expected = Counter(
        (incident, round((at - at.min).total_seconds()) // 60 - 62135596800 // 60)
        for incident, at in oracle.reopenings
    )
    assert published == expected


def test_the_whole_log_has_277_reopenings_in_235_incidents(full_night: Night) -> None:
    """The log's own counter says 276 in 234.

    INC0000137 went back from resolved to new by the clock, not by the counter.
    """
    assert full_night.rows(
        """
        select sum(reopenings), count(*) from fct_process_instances
        where process_code = 'incidents' and reopenings > 0
        """
    ) == [(277, 235)]


def test_callers_reach_the_lake_as_pseudonyms_only(full_night: Night) -> None:
    assert (
        full_night.value(
            "select count(*) from fct_process_instances"
            " where process_code = 'incidents' and requester_id like 'Caller%'"
        )
        == 0
    )
