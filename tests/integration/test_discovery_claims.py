"""Discovery on logs drawn by hand: golden numbers, limits of a log, what ends where.

Each case is a process of its own; all are mined in one run. Golden numbers are worked
out in the docstrings.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from scipy.stats import binom, spearmanr

from orchestration.build import Candidate
from tests.helpers.synthetic_logs import BEGIN, WEEK, Event, Log, mine, moment
from tests.helpers.warehouse import Warehouse, copy_warehouse

DAY = 24 * 3600
LOGS: dict[str, Log] = {}
Draw = Callable[[int], list[Event]]


def log(process: str, **values: Any) -> Log:
    """A new case."""
    LOGS[process] = Log(process, **values)
    return LOGS[process]


def chain(
    activities: Iterable[str],
    second: int,
    wait: int = 1800,
    work: int = 600,
    *,
    unit: str | None = "A",
    resource: str | None = "r",
) -> list[Event]:
    """Activities one after the other, with equal waits and durations."""
    events = []
    for place, activity in enumerate(activities):
        start = second + place * (wait + work)
        events.append(Event(activity, start, start + work, unit, resource))
    return events


def monday(week: int, number: int = 0) -> int:
    """A moment of a week, another one for each number."""
    return BEGIN + week * WEEK + DAY + number * 60


def weekly(target: Log, weeks: int, each: int, draw: Draw, **values: Any) -> None:
    """So many instances in each of so many weeks."""
    for week in range(weeks):
        for number in range(each):
            target.add(draw(monday(week, number)), **values)


# ------------------------------------------------------------------ golden logs

entropy = log("entropy")
for branch, times in (("b", 60), ("c", 30), ("d", 10)):
    for number in range(times):
        entropy.add(chain(["a", branch], monday(number % 7, number)))

parallel = log("parallel", has_starts=False)
for order, times in (("xaby", 1494), ("xbay", 1527)):
    for number in range(times):
        parallel.add(chain(order, monday(number % 7, number)))

two_step_loop = log("two_step_loop", has_starts=False)
for number in range(409):
    two_step_loop.add(chain("aba", monday(number % 7, number)))

# Alternating as often as parallel work, but never at the same time.
never_beside = log("never_beside")
for number in range(200):
    order = "xaby" if number % 2 else "xbay"
    never_beside.add(chain(order, monday(number % 7, number)))

risky = log("risky")
for week, has_step, bad, instances in (
    *((0, True, 12, 40), (0, False, 6, 60)),
    *((1, True, 9, 30), (1, False, 5, 50)),
    *((week, False, 0, 10) for week in range(2, 6)),
):
    for number in range(instances):
        events = chain("asz" if has_step else "az", monday(week, number))
        is_late = 3600 if number < bad else -3600
        risky.add(events, due_at=moment(events[-1].end - is_late))

WINS = {(6, 3): 6, (6, 4): None, (12, 8): 11, (12, 20): 12, (22, 47): 19, (52, 20): 37}
for periods, paths in WINS:
    steps = [f"s{place:02}" for place in range(paths + 1)]
    weekly(
        log(f"wins_{periods}_{paths}"),
        periods,
        10,
        lambda second, steps=steps: chain(steps, second, wait=60, work=60),
    )

efficient = log("efficient")
for number in range(70):
    begin = monday(number % 7, number)
    efficient.add(
        [
            Event("a", begin, begin + 600, "A", "r"),
            Event("b", begin + 2400, begin + 3000, "A", "r"),
            Event("c", begin + 3600, begin + 4200, "A", "r"),
        ]
    )

closing = log("closing")
closing.step("work")
closing.step("solve", is_terminal=True)
closing.step("close", is_terminal=True, is_after_end=True)
weekly(
    closing,
    8,
    12,
    lambda second: [
        *chain(["open", "work", "solve"], second),
        Event("close", second + 5 * DAY, second + 5 * DAY + 60, "A", "r"),
    ],
)

# One clerk, first come, first served: more arrive in some weeks than in others.
queue = log("queue")
for week in range(8):
    free = 0
    for number in range(12 + week):
        begin = monday(week, number * (14 - week))
        start = max(begin + 700, free)
        free = start + 1500
        events = [
            Event("ask", begin, begin + 600, "A", "r"),
            Event("serve", start, free, "A", "r"),
            Event("tell", free + 10, free + 20, "A", "r"),
        ]
        queue.add(events)

# Two levels of approval: the first cancels some, the second nothing, or a few.
SERIAL = {
    "serial_380": (380, 0, 40, None),
    "serial_381": (381, 0, 40, True),
    "serial_rejects": (381, 4, 40, False),
    "serial_unseen": (381, 0, 0, None),
}
for name, (second, rejects, first, _) in SERIAL.items():
    serial = log(name, has_starts=False)
    serial.step("ask")
    serial.step("sign", kind="approval", approval_level=1)
    serial.step("countersign", kind="approval", approval_level=2)
    serial.step("done", is_terminal=True)
    serial.step("cancel", is_terminal=True)
    for number in range(second + first):
        steps = ["ask", "sign"]
        if number < second:
            steps += ["countersign", "cancel" if number < rejects else "done"]
        else:
            steps += ["cancel"]
        serial.add(chain(steps, monday(number % 7, number)))

# How many instances in each of how many weeks, and which period suits a KPI of them.
GRAINS = {
    "grain_day": (20, 7, 30, "day"),
    "grain_week": (31, 1, 30, "week"),
    "grain_thin_weeks": (31, 1, 29, "month"),
    "grain_few_weeks": (10, 1, 29, "week"),
    "grain_quarter": (105, 1, 2, "quarter"),
}
for name, (weeks, days, each, _) in GRAINS.items():
    dense = log(name, has_starts=False)
    for week, day, number in itertools.product(range(weeks), range(days), range(each)):
        dense.add(chain("ab", monday(week, number) + (day - 1) * DAY))

weekly(log("one_day"), 1, 40, lambda second: chain("abc", second))

# ------------------------------------------------------------------ limits of a log

FLAGS = {
    "fit": None,
    "refused_few": "few_closed|few_periods",
    "refused_single": "one_activity",
    "no_end": "no_end",
    "no_start": "no_start",
    "no_resource": "no_resource",
    "date_only": "date_only",
    "order_unreliable": "order_unreliable",
    "repetitive": "repetitive",
    "few_periods": "few_periods",
    "just_enough": None,
}
weekly(log("fit"), 7, 12, lambda second: chain("abc", second))
for number in range(29):
    LOGS.setdefault("refused_few", Log("refused_few")).add(
        chain("abc", monday(number % 3, number))
    )
LOGS["refused_few"].add(chain("ab", monday(3)), is_open=True)
weekly(log("refused_single"), 7, 12, lambda second: chain("a", second))
weekly(log("no_end"), 7, 12, lambda second: chain("abc", second), is_open=True)
weekly(log("no_start", has_starts=False), 7, 12, lambda second: chain("abc", second))
no_resource = log("no_resource")
for number in range(100):
    # 79 in 100 name somebody, be it the unit or the person.
    known = {"unit": None, "resource": "r" if number < 79 else None}
    no_resource.add(chain("abc", monday(number % 7, number), **known))
# Midnight in Shanghai is 16:00 UTC.
weekly(
    log("date_only"),
    7,
    12,
    lambda second: [
        Event(step, at - 600, at, "A", "r")
        for place, step in enumerate("abc")
        for at in [second // DAY * DAY + 16 * 3600 + place * DAY]
    ],
)
order_unreliable = log("order_unreliable")
just_enough = log("just_enough")
repetitive = log("repetitive")
for number in range(100):
    begin = monday(number % 7, number)
    # Two transitions each; in 41 (40) of 100 instances one of them is tied: .205, .20.
    for target, tied in ((order_unreliable, 41), (just_enough, 40)):
        events = chain("abc", begin)
        if number < tied:
            events[1] = Event("b", begin, events[0].end, "A", "r")
        target.add(events)
    repetitive.add(chain("abab" if number < 60 else "abcd", begin))
weekly(log("few_periods"), 5, 12, lambda second: chain("abc", second))


@pytest.fixture(scope="module")
def mined(empty: Candidate, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = copy_warehouse(empty.path, tmp_path_factory.mktemp("claims"))
    mine(warehouse, LOGS.values())
    return warehouse


def step(mined: Warehouse, process: str, activity: str, *columns: str) -> Any:
    """Columns of one discovered step."""
    (row,) = mined.rows(
        f"select {', '.join(columns)} from fct_discovered_steps "
        f"where process_code = '{process}' and activity_code = '{activity}'"
    )
    return row


def path(mined: Warehouse, process: str, way: str, *columns: str) -> Any:
    """Columns of one discovered path, `a b` the way from a to b."""
    start, end = way.split()
    (row,) = mined.rows(
        f"select {', '.join(columns)} from fct_discovered_paths where process_code = "
        f"'{process}' and from_activity_code = '{start}' and to_activity_code = '{end}'"
    )
    return row


def test_three_ways_on_have_an_entropy(mined: Warehouse) -> None:
    """-(.6 log2 .6 + .3 log2 .3 + .1 log2 .1) = .44218 + .52109 + .33219 = 1.2955."""
    columns = ("branch_visits", "branches", "branch_entropy", "minority_share")
    visits, branches, bits, minority = step(mined, "entropy", "a", *columns)
    assert (visits, branches, minority) == (100, 3, 0.4)
    assert bits == pytest.approx(1.2955, abs=5e-5)
    assert step(mined, "entropy", "a", "is_decision") == (True,)
    assert step(mined, "entropy", "b", "branch_entropy", "is_decision") == (0, False)


def test_both_orders_are_concurrent_unless_they_are_a_loop(mined: Warehouse) -> None:
    """1,494 and 1,527 without a b a: side by side. 409 and 409, all of them a b a: a
    loop. As often in both orders, but never at the same time: one after the other."""
    columns = ("transitions", "is_concurrent")
    assert path(mined, "parallel", "a b", *columns) == (1494, True)
    assert path(mined, "parallel", "b a", *columns) == (1527, True)
    assert path(mined, "two_step_loop", "a b", *columns) == (409, False)
    assert path(mined, "two_step_loop", "b a", *columns) == (409, False)
    assert path(mined, "never_beside", "a b", *columns) == (100, False)


def test_steps_side_by_side_are_no_decision(mined: Warehouse) -> None:
    """x goes to a or b, both are done each time, and then y: one way on everywhere."""
    for activity in "xab":
        columns = ("branch_visits", "branches", "is_decision")
        assert step(mined, "parallel", activity, *columns) == (3021, 1, False)


def test_a_loop_is_no_way_on(mined: Warehouse) -> None:
    """a b a: of two visits of a, the first goes out and straight back, the second ends;
    b only goes back."""
    columns = ("branch_visits", "branches", "is_decision", "is_rework")
    assert step(mined, "two_step_loop", "a", *columns) == (409, 1, False, None)
    assert step(mined, "two_step_loop", "b", *columns) == (None, None, False, None)


def test_bad_ends_are_compared_within_periods(mined: Warehouse) -> None:
    """Of 100 in one week 18 end badly, 40 have the step: E 7.2, V 40·60·18·82/(100²·99)
    = 3.5782; of 80 in another 14, 30: E 5.25, V 30·50·14·66/(80²·79) = 2.7413. O is 12
    + 9. z = (21 - 12.45 - .5)/√6.3195 = 3.2022. Both weeks differ by .3 - .1 = .2."""
    (row,) = mined.rows(
        "select risk_instances, observed_bad_ends, expected_bad_ends, variance, "
        "risk_difference, risk_z from int_discovery_risks "
        "where process_code = 'risky' and activity_code = 's'"
    )
    assert row[:3] == (70, 21, 12.45)
    assert row[3:] == pytest.approx((6.3195, 0.2, 3.2022), abs=5e-5)
    columns = ("is_risk", "risk_outcome")
    assert step(mined, "risky", "s", *columns) == (True, "late")
    # Everybody does a and z: there is nobody to compare with.
    assert step(mined, "risky", "a", *columns) == (None, None)


@pytest.mark.parametrize(("periods", "paths"), WINS)
def test_so_many_wins_are_no_chance(mined: Warehouse, periods: int, paths: int) -> None:
    """The smallest c with P(Bin(P, ½) ≥ c) ≤ .05/k; of six periods and four paths even
    all six, 1/64, are more likely than .05/4."""
    rows = mined.rows(
        "select distinct compared_periods, wins_needed, is_bottleneck is null "
        "from fct_discovered_paths where path_kind = 'step' "
        f"and process_code = 'wins_{periods}_{paths}'"
    )
    wanted = WINS[periods, paths]
    assert rows == [(periods, wanted, wanted is None)]
    counts = range(periods + 1)
    rare = [c for c in counts if binom.sf(c - 1, periods, 0.5) <= 0.05 / paths]
    assert min(rare, default=None) == wanted


def test_efficiency_with_and_without_a_wait(mined: Warehouse) -> None:
    """30 of 70 minutes are work; without the wait of 30: 30/40, of 10: 30/60."""
    assert mined.rows(
        "select flow_efficiency, waiting_seconds from fct_discovered_processes "
        "where process_code = 'efficient'"
    ) == [(round(3 / 7, 9), 70 * 2400)]
    columns = ("share", "mean_ratio", "efficiency_without")
    assert path(mined, "efficient", "a b", *columns) == (0.75, 1.5, 0.75)
    assert path(mined, "efficient", "b c", *columns) == (0.25, 0.5, 0.5)


def test_waiting_after_the_end_is_in_no_total(mined: Warehouse) -> None:
    """Closing five days late is most of all time, and none of the waiting."""
    columns = ("is_after_end", "share", "is_bottleneck", "efficiency_without")
    assert path(mined, "closing", "solve close", *columns) == (True, None, None, None)
    assert path(mined, "closing", "open work", "share") == (0.5,)
    assert mined.rows(
        "select waiting_seconds from fct_discovered_processes "
        "where process_code = 'closing'"
    ) == [(96 * 2 * 1800,)]
    assert step(mined, "closing", "close", "position_no", "end_share") == (4, 1.0)


def test_a_wait_that_grows_with_the_queue_is_a_matter_of_capacity(
    mined: Warehouse,
) -> None:
    """Spearman of queue and wait, the queue counted here one by one."""
    arrivals = []
    for number in range(len(queue.instances)):
        ask, serve, _ = queue.rows[3 * number : 3 * number + 3]
        arrivals.append((ask[5], serve[4]))
    queues = [
        sum(came < at < served for came, served in arrivals) for at, _ in arrivals
    ]
    waits = [served - came for came, served in arrivals]
    rho, kind = path(mined, "queue", "ask serve", "queue_rho", "bottleneck_kind")
    assert rho == pytest.approx(spearmanr(queues, waits).statistic, abs=1e-8)
    assert rho > 0.3
    assert kind == "capacity"


@pytest.mark.parametrize(("process", "reasons"), FLAGS.items())
def test_a_log_says_what_it_cannot_support(
    mined: Warehouse, process: str, reasons: str | None
) -> None:
    gate = "refused" if process.startswith("refused") else "limited"
    assert mined.rows(
        "select gate, gate_reasons from fct_discovered_processes "
        f"where process_code = '{process}'"
    ) == [(gate if reasons else "passed", reasons)]


STEP_ROLES = (
    *("is_decision", "is_collaboration", "is_ping_pong", "is_rework"),
    *("is_repeated_approval", "is_serial_approval", "is_bottleneck"),
)
PATH_ROLES = ("is_bottleneck", "is_collaboration", "is_concurrent", "is_long_tail")
# What is judged of `b`, and of the path that leads to it.
JUDGED = {
    "fit": ({*STEP_ROLES}, {*PATH_ROLES}),
    "refused_few": (set(), set()),
    "refused_single": (set(), set()),
    "no_end": ({*STEP_ROLES}, {*PATH_ROLES}),
    "no_resource": (
        {*STEP_ROLES} - {"is_collaboration", "is_ping_pong"},
        {*PATH_ROLES} - {"is_collaboration"},
    ),
    "order_unreliable": ({"is_rework", "is_repeated_approval"}, set()),
    "repetitive": ({*STEP_ROLES} - {"is_rework"}, {*PATH_ROLES}),
    "few_periods": (
        {*STEP_ROLES} - {"is_bottleneck"},
        {*PATH_ROLES} - {"is_bottleneck"},
    ),
}


@pytest.mark.parametrize("process", JUDGED)
def test_a_role_is_unknown_where_the_log_cannot_tell(
    mined: Warehouse, process: str
) -> None:
    activity = "a" if process == "refused_single" else "b"
    steps, paths = JUDGED[process]
    found = step(mined, process, activity, *STEP_ROLES)
    named = zip(STEP_ROLES, found, strict=True)
    assert {role for role, value in named if value is not None} == steps
    if process != "refused_single":
        found = path(mined, process, "a b", *PATH_ROLES)
        named = zip(PATH_ROLES, found, strict=True)
        assert {role for role, value in named if value is not None} == paths


def test_without_starts_gaps_take_the_place_of_waits(mined: Warehouse) -> None:
    """Completions are 2,400 seconds apart, of which 1,800 are waits."""
    columns = ("clock", "p50_seconds", "total_seconds")
    assert path(mined, "no_start", "a b", *columns) == ("gap", 2400, 84 * 2400)
    assert path(mined, "fit", "a b", *columns) == ("wait", 1800, 84 * 1800)


def test_where_nothing_ends_periods_go_by_the_last_event(mined: Warehouse) -> None:
    assert mined.rows(
        "select test_period, test_periods, lead_p50_seconds, main_variant_share "
        "from fct_discovered_processes where process_code = 'no_end'"
    ) == [("week", 7, None, 1.0)]


def test_the_mined_order_is_the_order_of_first_visits(mined: Warehouse) -> None:
    rows = mined.rows(
        "select activity_code, relative_rank from fct_discovered_steps "
        "where process_code = 'fit' order by position_no"
    )
    assert rows == [("a", 0.0), ("b", 0.5), ("c", 1.0)]


@pytest.mark.parametrize("process", SERIAL)
def test_a_serial_approval_takes_381_decisions(mined: Warehouse, process: str) -> None:
    """The upper end for none of n is 3.8415/(n + 3.8415): .010008 of 380, .009982 of
    381. Below it is a question, as where no approval of the log ever rejects; 4 of 381
    are more than one in a hundred."""
    second, rejects, _, is_serial = SERIAL[process]
    columns = ("serial_approvals", "decided_visits", "rejected_visits")
    found = step(mined, process, "countersign", *columns, "is_serial_approval")
    assert found == (second, second, rejects, is_serial)


@pytest.mark.parametrize("process", GRAINS)
def test_a_candidate_has_the_finest_period_that_is_full(
    mined: Warehouse, process: str
) -> None:
    """30 in the median of 12 closed periods; else the coarsest that comes to 6."""
    rows = mined.rows(
        "select template_code, period_grain, periods, median_n from fct_kpi_candidates "
        f"where process_code = '{process}' and template_code in ('T01', 'T22')"
    )
    *_, each, grain = GRAINS[process]
    assert [(template, found) for template, found, *_ in sorted(rows)] == [
        *(("T01", grain), ("T22", grain))
    ]
    for _, _, periods, median in rows:
        assert periods >= (12 if grain in ("day", "week") and each == 30 else 6)
        if grain == "day":
            assert median == 30


# Templates that a limit of the log refuses; each says which.
REFUSED = {
    "no_end": {"T01": "no_end"},
    "no_start": {"T03": "no_start", "T17": "no_start"},
    "no_resource": {"T10": "no_resource", "T11": "no_resource"},
    "order_unreliable": dict.fromkeys(("T02", "T10", "T11", "T13"), "order_unreliable"),
    "repetitive": {"T07": "repetitive", "T08": "repetitive"},
    "one_day": {"T01": "few_periods", "T22": "few_periods"},
    "refused_few": {"T01": "few_closed", "T22": "few_closed"},
    "refused_single": {"T01": "one_activity", "T22": "one_activity"},
    "fit": {},
}


@pytest.mark.parametrize("process", REFUSED)
def test_a_refused_candidate_names_the_limit(mined: Warehouse, process: str) -> None:
    rows = mined.rows(
        "select template_code, refusal_reason, reason_en, reason_zh "
        "from fct_kpi_candidates "
        f"where process_code = '{process}' and status = 'refused'"
    )
    found = {template: reason for template, reason, *_ in rows}
    assert found.items() >= REFUSED[process].items()
    assert (found == {}) == (REFUSED[process] == {})
    for _, reason, english, chinese in rows:
        label = mined.rows(
            f"select en, zh from messages where message_id = 'label_{reason}'"
        )
        assert label[0][0] in english
        assert label[0][1] in chinese


def test_of_a_log_that_is_refused_nothing_is_measured(mined: Warehouse) -> None:
    rows = mined.rows(
        "select process_code, status from fct_kpi_candidates "
        "where starts_with(process_code, 'refused')"
    )
    assert {status for _, status in rows} == {"refused"}
    assert {process for process, _ in rows} == {"refused_few", "refused_single"}


def test_a_log_with_too_few_cases_says_how_many_it_takes(mined: Warehouse) -> None:
    sentences = mined.rows(
        "select distinct reason_en, reason_zh from fct_kpi_candidates "
        "where process_code = 'refused_few'"
    )
    english = (
        "Not measurable: too few closed cases. It takes 30 of them; the log has 29."
    )
    chinese = "无法测量：已结案例过少。至少需要 30 个，日志只有 29 个。"
    assert sentences == [(english, chinese)]


def test_days_without_times_bear_no_unit_below_a_day(mined: Warehouse) -> None:
    units = mined.rows(
        "select distinct unit from fct_kpi_candidates "
        "where process_code = 'date_only' and measure_type = 'duration'"
    )
    assert units == [("days",)]


# ------------------------------------------------------------------ planted defects


class Reader:
    """Rows as one connection sees them, what it has not committed included."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()


# Models to build again, what a bug would make of the first, and the test that sees it.
BUGS: dict[str, tuple[tuple[str, ...], str, str, Callable[[Any], None]]] = {
    "a loop taken for parallel work": (
        ("int_discovery_concurrency", "fct_discovered_paths"),
        "< figures.concurrent_loops *",
        "< 1000 *",
        test_both_orders_are_concurrent_unless_they_are_a_loop,
    ),
    "steps that never overlap taken for parallel work": (
        ("int_discovery_concurrency", "fct_discovered_paths"),
        "coalesce(overlapping.overlap_share, 1)",
        "1",
        test_both_orders_are_concurrent_unless_they_are_a_loop,
    ),
    "an entropy in another unit": (
        ("int_discovery_branches", "fct_discovered_steps"),
        "log2(",
        "ln(",
        test_three_ways_on_have_an_entropy,
    ),
    "a test without continuity correction": (
        ("int_discovery_risks", "fct_discovered_steps"),
        " - 0.5, 0)",
        ", 0)",
        test_bad_ends_are_compared_within_periods,
    ),
    "all periods in one": (
        ("int_discovery_risks", "fct_discovered_steps"),
        "select * from",
        "select * replace (date '2024-01-01' as period_start) from",
        test_bad_ends_are_compared_within_periods,
    ),
    "as many tests as paths, and no allowance for it": (
        ("int_discovery_bottlenecks", "fct_discovered_paths"),
        "/ count(*) over (partition by waiting.process_code)",
        "",
        lambda reader: test_so_many_wins_are_no_chance(reader, 12, 8),
    ),
    "waiting after the end in the totals": (
        ("int_discovery_paths", "fct_discovered_paths", "fct_discovered_processes"),
        "path_kind = 'step' and not is_after_end and",
        "path_kind = 'step' and",
        test_waiting_after_the_end_is_in_no_total,
    ),
    "three in five are not yet repetitive": (
        ("int_discovery_gates", "fct_discovered_processes"),
        "repetitive_share >= figures",
        "repetitive_share > figures",
        lambda reader: test_a_log_says_what_it_cannot_support(
            reader, "repetitive", FLAGS["repetitive"]
        ),
    ),
    "one in five tied is too much already": (
        ("int_discovery_gates", "fct_discovered_processes"),
        "coalesce(ties.tie_share, 0) >",
        "coalesce(ties.tie_share, 0) >=",
        lambda reader: test_a_log_says_what_it_cannot_support(
            reader, "just_enough", None
        ),
    ),
    "midnight of Greenwich": (
        ("int_discovery_gates", "fct_discovered_processes"),
        "steps.occurred_on as timestamp",
        "steps.occurred_at as timestamp",
        lambda reader: test_a_log_says_what_it_cannot_support(
            reader, "date_only", FLAGS["date_only"]
        ),
    ),
    "few visits are proof enough": (
        ("fct_discovered_steps",),
        "< processes.serial_rejects\n            then true",
        "< 2 * processes.serial_rejects\n            then true",
        lambda reader: test_a_serial_approval_takes_381_decisions(reader, "serial_380"),
    ),
}


@pytest.fixture(scope="module")
def compiled(mined: Warehouse) -> dict[str, str]:
    """The query of each model that a bug is planted in."""
    models = {model for models, *_ in BUGS.values() for model in models}
    return mined.compiled(*sorted(models), as_of="2026-06-30 18:00:00")


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_in_a_model_does_not_pass(
    mined: Warehouse, compiled: dict[str, str], bug: str
) -> None:
    models, right, wrong, test = BUGS[bug]
    queries = {model: compiled[model] for model in models}
    assert right in queries[models[0]]
    queries[models[0]] = queries[models[0]].replace(right, wrong)
    with mined.connect() as connection:
        connection.execute("begin")
        for model, query in queries.items():
            connection.execute(f"create or replace table {model} as {query}")
        with pytest.raises(AssertionError):
            test(Reader(connection))
        connection.execute("rollback")


BALANCE = "assert_discovery__counts_balance"
DEFECTS = {
    "a path lost": "delete from fct_discovered_paths where to_activity_code = 'b'",
    "a step lost": "delete from fct_discovered_steps where activity_code = 'c'",
    "a way out lost": "delete from fct_discovered_paths where path_kind = 'end'",
    "a visit counted twice": "update fct_discovered_steps set visits = visits + 1",
    "two steps in one place": "update fct_discovered_steps set position_no = 1",
    "an instance more": "update fct_discovered_processes set instances = instances + 1",
    "waiting after the end in the total": (
        "update fct_discovered_paths set share = 2 * share"
    ),
}


def test_counts_balance_and_each_defect_shows(mined: Warehouse) -> None:
    as_of = "2026-06-30 18:00:00"
    query = mined.compiled(BALANCE, as_of=as_of)[BALANCE]
    with mined.connect() as connection:
        assert connection.execute(query).fetchall() == []
        for name, defect in DEFECTS.items():
            connection.execute("begin")
            connection.execute(defect)
            assert connection.execute(query).fetchall(), name
            connection.execute("rollback")
