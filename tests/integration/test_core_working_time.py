"""Working seconds: cases worked by hand, and thousands of random ones by an oracle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from tests.helpers.dbt_sandbox import Sandbox, instance, make_sandbox
from tests.helpers.working_time import WorkCalendar, project_calendar, working_seconds

WEEK = range(1, 8)
WORKDAYS = range(1, 6)
PAIR_COLUMNS = {
    "pair_id": "bigint",
    "calendar_code": "varchar",
    "timezone": "varchar",
    "from_at": "timestamp",
    "to_at": "timestamp",
}
PAIRS_MODEL = """
select
    pairs.pair_id,
    {{ working_seconds_between('pairs.from_at', 'pairs.to_at', 'from_day', 'to_day') }}
        as working_seconds,
    {{ elapsed_seconds('pairs.from_at', 'pairs.to_at') }} as elapsed_seconds,
    {{ calendar_gap_reason(
        'pairs.calendar_code', 'pairs.from_at', 'from_day', 'pairs.timezone'
    ) }} as from_reason,
    {{ calendar_gap_reason(
        'pairs.calendar_code', 'pairs.to_at', 'to_day', 'pairs.timezone'
    ) }} as to_reason
from fixture.pairs as pairs
{{ join_calendar_day(
    'from_day', 'pairs.calendar_code', 'pairs.from_at', 'pairs.timezone'
) }}
{{ join_calendar_day(
    'to_day', 'pairs.calendar_code', 'pairs.to_at', 'pairs.timezone'
) }}
"""


def days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=offset) for offset in range((end - start).days + 1)]


NEW_YORK = WorkCalendar(
    "new_york",
    "America/New_York",
    date(2024, 1, 1),
    date(2024, 12, 31),
    {7: [("01:30", "03:30")]},
)
BERLIN_ALWAYS = WorkCalendar(
    "berlin_always",
    "Europe/Berlin",
    date(2024, 1, 1),
    date(2024, 12, 31),
    {day: [("00:00", "24:00")] for day in WEEK},
)
BERLIN_OFFICE = WorkCalendar(
    "berlin_office",
    "Europe/Berlin",
    date(2023, 1, 1),
    date(2025, 12, 31),
    {day: [("09:00", "17:00")] for day in WORKDAYS},
)
BERLIN_HALVES = WorkCalendar(
    "berlin_halves",
    "Europe/Berlin",
    date(2024, 1, 1),
    date(2024, 12, 31),
    {day: [("00:00", "12:00"), ("12:00", "24:00")] for day in WEEK},
)
NIGHTS = WorkCalendar(
    "nights",
    "America/New_York",
    date(2024, 1, 1),
    date(2025, 12, 31),
    {day: [("22:00", "06:00")] for day in WORKDAYS},
    {
        date(2024, 3, 12): [],
        date(2024, 7, 3): [],
        date(2024, 7, 4): [],
        # A Saturday worked by day, and one by night.
        date(2024, 11, 2): [("22:30", "05:30")],
        date(2025, 3, 8): [("08:00", "16:00")],
    },
)
LORD_HOWE = WorkCalendar(
    "lord_howe",
    "Australia/Lord_Howe",
    date(2024, 1, 1),
    date(2025, 12, 31),
    {day: [("00:30", "02:15"), ("13:00", "18:00")] for day in WEEK},
)
SAO_PAULO = WorkCalendar(
    # Its clocks changed at midnight: days that begin at 01:00 or have 23:00 twice.
    "sao_paulo",
    "America/Sao_Paulo",
    date(2017, 1, 1),
    date(2018, 12, 31),
    {day: [("20:00", "03:00")] for day in WEEK},
)


OFFICE, WAREHOUSE, SERVICE = map(project_calendar, ("office", "warehouse", "service"))
CALENDARS = (
    OFFICE,
    WAREHOUSE,
    SERVICE,
    NEW_YORK,
    BERLIN_ALWAYS,
    BERLIN_OFFICE,
    BERLIN_HALVES,
    NIGHTS,
    LORD_HOWE,
    SAO_PAULO,
)
# Calendar, UTC interval, working seconds; worked by hand in local time.
GOLDENS = {
    "weekend with a make-up day": (
        OFFICE, "2024-04-26 09:30", "2024-04-28 01:30", 3_600,
    ),
    "over Labour Day": (OFFICE, "2024-04-30 09:00", "2024-05-06 02:00", 7_200),
    "over the lunch break": (OFFICE, "2024-04-22 03:50", "2024-04-22 05:10", 1_200),
    "UTC moments read in local time": (
        OFFICE, "2024-03-04 01:30", "2024-03-04 02:30", 3_600,
    ),
    "a holiday ends at local midnight": (
        OFFICE, "2024-05-05 16:30", "2024-05-06 02:00", 3_600,
    ),
    "a holiday begins at local midnight": (
        OFFICE, "2024-04-30 16:30", "2024-05-01 10:00", 0,
    ),
    "clocks go forward": (NEW_YORK, "2024-03-10 05:00", "2024-03-11 04:00", 3_600),
    "clocks go back, first 01:30": (
        NEW_YORK, "2024-11-03 04:00", "2024-11-04 05:00", 10_800,
    ),
    "a day of 23 hours": (
        BERLIN_ALWAYS, "2024-03-30 23:00", "2024-03-31 22:00", 82_800,
    ),
    "a day of 25 hours": (
        BERLIN_ALWAYS, "2024-10-26 22:00", "2024-10-27 23:00", 90_000,
    ),
    "Thursday evening to Monday is one Friday": (
        BERLIN_OFFICE, "2024-06-06 15:00", "2024-06-10 07:00", 28_800,
    ),
    "105 weeks in full": (
        BERLIN_OFFICE, "2023-01-02 08:00", "2025-01-06 08:00", 15_120_000,
    ),
    "backwards is negative": (
        OFFICE, "2024-04-22 05:10", "2024-04-22 03:50", -1_200,
    ),
}  # fmt: skip


CLOCK_CHANGES = [
    date.fromisoformat(day)
    for day in (
        "2017-10-15", "2018-02-18", "2018-11-04", "2024-03-10", "2024-03-31",
        "2024-04-07", "2024-10-06", "2024-10-27", "2024-11-03", "2025-03-09",
        "2025-11-02",
    )
]  # fmt: skip


def random_pairs() -> Iterator[tuple[WorkCalendar, datetime, datetime]]:
    """Moments all over each calendar's years, denser at its odd days and its edges."""
    stream = random.Random(20240331)
    for calendar in CALENDARS:
        first = datetime.combine(calendar.first_day, datetime.min.time())
        length = (calendar.last_day - calendar.first_day).days + 1
        odd = [
            datetime.combine(day, datetime.min.time())
            for day in [
                *calendar.exceptions,
                calendar.first_day,
                calendar.last_day,
                *CLOCK_CHANGES,
            ]
            if calendar.first_day <= day <= calendar.last_day
        ]

        def moment(
            first: datetime = first,
            length: int = length,
            odd: list[datetime] = odd,
        ) -> datetime:
            if stream.random() < 0.5:
                base = first + timedelta(days=stream.randrange(-3, length + 3))
            else:
                base = stream.choice(odd) + timedelta(days=stream.randrange(-1, 2))
            return (
                base
                + timedelta(seconds=stream.randrange(86_400))
                + timedelta(microseconds=stream.choice((0, 1, 500_000, 999_999)))
            )

        for _ in range(400):
            yield calendar, moment(), moment()


RANDOM_PAIRS = list(random_pairs())


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    weekly, exceptional = [], []
    for calendar in CALENDARS:
        rows, day_rows = calendar.registers()
        weekly += rows
        exceptional += day_rows
    sandbox = make_sandbox(
        tmp_path_factory.mktemp("working_time"),
        calendars=weekly,
        calendar_days=exceptional,
        calendar_code="office",
        instances=[
            instance(
                "known", started_at="2024-03-04 01:30", ended_at="2024-03-04 02:30"
            ),
            instance(
                "after", started_at="2026-12-31 01:00", ended_at="2027-01-04 02:00"
            ),
            instance(
                "before", started_at="2023-12-29 01:00", ended_at="2024-01-02 02:00"
            ),
        ],
        models={"working_pairs": PAIRS_MODEL},
    )
    pairs = [
        (calendar, start, end) for calendar, start, end, _ in GOLDENS.values()
    ] + RANDOM_PAIRS
    sandbox.load(
        "pairs",
        PAIR_COLUMNS,
        (
            {
                "pair_id": number,
                "calendar_code": calendar.code,
                "timezone": calendar.timezone,
                "from_at": start,
                "to_at": end,
            }
            for number, (calendar, start, end) in enumerate(pairs)
        ),
    )
    sandbox.build()
    return sandbox


@pytest.fixture(scope="module")
def pairs(clocks: Sandbox) -> list[dict[str, object]]:
    return clocks.rows("from working_pairs order by pair_id")


@pytest.mark.parametrize("name", GOLDENS)
def test_working_seconds_worked_by_hand(
    pairs: list[dict[str, object]], name: str
) -> None:
    assert pairs[list(GOLDENS).index(name)]["working_seconds"] == GOLDENS[name][3]


def test_elapsed_seconds_know_no_calendar(pairs: list[dict[str, object]]) -> None:
    row = pairs[list(GOLDENS).index("over Labour Day")]
    assert row["elapsed_seconds"] == 493_200


def test_the_oracle_finds_the_goldens_too() -> None:
    for calendar, start, end, seconds in GOLDENS.values():
        found = working_seconds(
            calendar.stretches(),
            datetime.fromisoformat(start),
            datetime.fromisoformat(end),
        )
        assert found == seconds


def test_random_intervals_agree_with_clipped_shifts(
    pairs: list[dict[str, object]],
) -> None:
    stretches = {calendar.code: calendar.stretches() for calendar in CALENDARS}
    wrong = []
    known = 0
    for row, (calendar, start, end) in zip(
        pairs[len(GOLDENS) :], RANDOM_PAIRS, strict=True
    ):
        if calendar.covers(start) and calendar.covers(end):
            known += 1
            expected = working_seconds(stretches[calendar.code], start, end)
        else:
            expected = None
        if row["working_seconds"] != expected:
            wrong.append((calendar.code, start, end, expected, row["working_seconds"]))
    assert not wrong[:5], f"{len(wrong)} of {len(RANDOM_PAIRS)}"
    assert known > 0.8 * len(RANDOM_PAIRS)


def test_moments_outside_the_years_say_on_which_side(
    pairs: list[dict[str, object]],
) -> None:
    for row, (calendar, start, end) in zip(
        pairs[len(GOLDENS) :], RANDOM_PAIRS, strict=True
    ):
        for moment, reason in ((start, row["from_reason"]), (end, row["to_reason"])):
            if calendar.covers(moment):
                assert reason is None
            else:
                too_early = moment.date() <= calendar.first_day
                assert reason == (
                    "outside_calendar" if too_early else "calendar_incomplete"
                )


def test_unknown_working_time_is_null_with_a_reason_and_moves_no_mean(
    clocks: Sandbox,
) -> None:
    rows = clocks.rows(
        """
        select process_instance_id, lead_working_seconds, lead_elapsed_seconds,
            calendar_reason
        from fct_process_instances
        order by process_instance_id
        """
    )
    assert [tuple(row.values()) for row in rows] == [
        ("after", None, 349_200, "calendar_incomplete"),
        ("before", None, 349_200, "outside_calendar"),
        ("known", 3_600, 3_600, None),
    ]
    (mean,) = clocks.rows(
        "select avg(lead_working_seconds) as mean from fct_process_instances"
    )
    assert mean["mean"] == 3_600


def test_a_working_day_is_the_standard_day_not_24_hours(clocks: Sandbox) -> None:
    rows = clocks.rows(
        "from dim_calendars where calendar_code in ('office', 'service')"
    )
    assert {row["calendar_code"]: row["standard_day_seconds"] for row in rows} == {
        "office": 28_800,
        "service": 43_200,
    }


# Days off and make-up working days as decreed by the State Council for each year.
DECREED_OFF = [
    *days("2024-01-01", "2024-01-01"),
    *days("2024-02-10", "2024-02-17"),
    *days("2024-04-04", "2024-04-06"),
    *days("2024-05-01", "2024-05-05"),
    *days("2024-06-10", "2024-06-10"),
    *days("2024-09-15", "2024-09-17"),
    *days("2024-10-01", "2024-10-07"),
    *days("2025-01-01", "2025-01-01"),
    *days("2025-01-28", "2025-02-04"),
    *days("2025-04-04", "2025-04-06"),
    *days("2025-05-01", "2025-05-05"),
    *days("2025-05-31", "2025-06-02"),
    *days("2025-10-01", "2025-10-08"),
    *days("2026-01-01", "2026-01-03"),
    *days("2026-02-15", "2026-02-23"),
    *days("2026-04-04", "2026-04-06"),
    *days("2026-05-01", "2026-05-05"),
    *days("2026-06-19", "2026-06-21"),
    *days("2026-09-25", "2026-09-27"),
    *days("2026-10-01", "2026-10-07"),
]
DECREED_ON = [
    date.fromisoformat(day)
    for day in (
        "2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11",
        "2024-09-14", "2024-09-29", "2024-10-12", "2025-01-26", "2025-02-08",
        "2025-04-27", "2025-09-28", "2025-10-11", "2026-01-04", "2026-02-14",
        "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10",
    )
]  # fmt: skip


@pytest.mark.parametrize("calendar", [OFFICE, WAREHOUSE], ids=lambda item: item.code)
def test_holidays_are_the_decreed_ones(calendar: WorkCalendar) -> None:
    closed = sorted(day for day, shifts in calendar.exceptions.items() if not shifts)
    opened = sorted(day for day, shifts in calendar.exceptions.items() if shifts)
    assert closed == DECREED_OFF
    assert opened == DECREED_ON


def test_make_up_days_are_weekend_days_outside_the_holidays() -> None:
    assert all(day.isoweekday() >= 6 for day in DECREED_ON)
    assert not set(DECREED_ON) & set(DECREED_OFF)


@pytest.mark.parametrize(("year", "statutory"), [(2024, 11), (2025, 13), (2026, 13)])
def test_a_year_works_all_but_weekends_and_statutory_days(
    year: int, statutory: int
) -> None:
    """Days only move: 11 statutory days until 2024, 13 since, are all that is off."""
    whole_year = days(f"{year}-01-01", f"{year}-12-31")
    weekdays = [day for day in whole_year if day.isoweekday() <= 5]
    worked = [day for day in whole_year if OFFICE.shifts(day)]
    assert len(worked) == len(weekdays) - statutory


@pytest.mark.parametrize(
    ("first", "last", "working_days"),
    [("2025-01-01", "2025-12-31", 248), ("2026-01-01", "2026-06-30", 120)],
)
def test_working_days_of_a_period(
    clocks: Sandbox, first: str, last: str, working_days: int
) -> None:
    (row,) = clocks.rows(
        f"""
        select count(*) as days from dim_calendar_days
        where calendar_code = 'office' and is_working_day
            and local_date between '{first}' and '{last}'
        """
    )
    assert row["days"] == working_days


def test_no_calendar_day_repeats_and_years_are_whole(clocks: Sandbox) -> None:
    result = clocks.dbt(
        "test",
        "--select",
        "dim_calendar_days",
        "int_calendar_pieces",
        "stg_registers__calendars",
        "stg_registers__calendar_days",
        "--exclude-resource-type",
        "unit_test",
    )
    failed = [row.node.name for row in result.result if str(row.status) != "pass"]
    assert not failed
