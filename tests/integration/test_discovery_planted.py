"""What is planted in logs is found, what is not planted is not claimed, counts agree.

One warehouse holds 50 logs with a slow path, 50 with every shape and 200 without any
effect, each a process of its own, mined in one run.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest

from orchestration.build import Candidate
from tests.helpers.synthetic_logs import Log, mine, shaped_log, waiting_log
from tests.helpers.warehouse import Warehouse, copy_warehouse

SEEDS = range(50)
MARTS = (
    *("fct_discovered_processes", "fct_discovered_steps", "fct_discovered_paths"),
    *("fct_kpi_candidates", "fct_kpi_candidate_values", "fct_kpi_candidate_pairs"),
)


def slow_log(seed: int) -> Log:
    return waiting_log(f"slow{seed:03}", seed, 300)


def shapes(seed: int) -> Log:
    return shaped_log(f"shape{seed:03}", seed, 450)


def quiet_log(seed: int) -> Log:
    """Nothing to find: equal paths, ends late by chance; 120 to 169 instances."""
    size = 120 + seed % 50
    return waiting_log(f"quiet{seed:03}", 1000 + seed, size, slower=1, bad=(0.2, 0.2))


@pytest.fixture(scope="module")
def logs() -> dict[str, Log]:
    drawn = [*map(slow_log, SEEDS), *map(shapes, SEEDS), *map(quiet_log, range(200))]
    return {log.process: log for log in drawn}


@pytest.fixture(scope="module")
def mined(
    logs: dict[str, Log],
    empty: Candidate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Warehouse:
    folder = tmp_path_factory.mktemp("planted")
    warehouse = copy_warehouse(empty.path, folder)
    mine(warehouse, logs.values())
    return warehouse


def lists(mined: Warehouse, sql: str) -> dict[str, list[Any]]:
    """Process to the second column, in the order of the query."""
    found = defaultdict(list)
    for process, *rest in mined.rows(sql):
        found[process].append(rest[0] if len(rest) == 1 else tuple(rest))
    return found


def share(found: dict[str, list[Any]], kind: str, planted: Any) -> float:
    """In how many of the logs the planted fact is among the first three."""
    hits = [planted in found[f"{kind}{seed:03}"][:3] for seed in SEEDS]
    return sum(hits) / len(hits)


def test_a_slow_path_is_the_bottleneck(mined: Warehouse) -> None:
    found = lists(
        mined,
        "select process_code, from_activity_code, to_activity_code "
        "from fct_discovered_paths where is_bottleneck order by share desc",
    )
    assert share(found, "slow", ("step1", "step2")) >= 0.95
    arrivals = lists(
        mined,
        "select process_code, activity_code from fct_discovered_steps "
        "where is_bottleneck",
    )
    for process, paths in found.items():
        assert sorted({to for _, to in paths}) == sorted(arrivals[process])


def test_a_step_before_bad_ends_is_a_risk(mined: Warehouse) -> None:
    found = lists(
        mined,
        "select process_code, activity_code from fct_discovered_steps "
        "where is_risk order by risk_z desc",
    )
    assert share(found, "slow", "extra") >= 0.95


@pytest.mark.parametrize(
    ("role", "order", "planted"),
    [
        ("is_decision", "branch_entropy", "triage"),
        ("is_rework", "rework_share", "check"),
        # A loop of two steps: both are done again, and neither is beside the other.
        ("is_rework", "rework_share", "draft"),
        ("is_rework", "rework_share", "review"),
        ("is_ping_pong", "return_share", "handle"),
        ("is_serial_approval", "serial_approvals", "approve_2"),
    ],
)
def test_a_planted_shape_is_found(
    mined: Warehouse, role: str, order: str, planted: str
) -> None:
    found = lists(
        mined,
        f"select process_code, activity_code from fct_discovered_steps where {role} "
        f"order by {order} desc, activity_code",
    )
    # The loop of draft and review is rework as well, and ranks before `check`.
    assert share(found, "shape", planted) >= 0.95


def test_only_ways_that_part_are_decisions(mined: Warehouse) -> None:
    """Neither the loop of draft and review nor pay beside pack, in any log."""
    found = lists(
        mined,
        "select process_code, activity_code from fct_discovered_steps "
        "where is_decision order by activity_code",
    )
    decisions = [found[f"shape{seed:03}"] for seed in SEEDS]
    assert all(set(one) <= {"approve_1", "triage"} for one in decisions)


def test_only_parallel_work_is_concurrent(mined: Warehouse) -> None:
    found = lists(
        mined,
        "select process_code, from_activity_code, to_activity_code "
        "from fct_discovered_paths where is_concurrent order by all",
    )
    beside = [("pack", "pay"), ("pay", "pack")]
    assert dict.fromkeys(map("shape{:03}".format, SEEDS), beside) == found


def test_cross_unit_paths_are_collaboration(mined: Warehouse) -> None:
    """To ship, of unit C, by two ways; the way to and from consult is taken ≥ 30 times
    in most logs, and always across."""
    found = lists(
        mined,
        "select process_code, from_activity_code, to_activity_code "
        "from fct_discovered_paths where is_collaboration order by all",
    )
    ship = {("pack", "ship"), ("pay", "ship")}
    consult = {("handle", "consult"), ("consult", "handle")}
    for seed in SEEDS:
        paths = set(found[f"shape{seed:03}"])
        assert ship <= paths <= ship | consult


def test_logs_without_effects_yield_no_claims(mined: Warehouse) -> None:
    """Each claim in at most 2 % of 200 logs."""
    claims = {
        "is_bottleneck": "fct_discovered_paths",
        "is_collaboration": "fct_discovered_paths",
        "is_concurrent": "fct_discovered_paths",
        "is_risk": "fct_discovered_steps",
        "is_rework": "fct_discovered_steps",
        "is_ping_pong": "fct_discovered_steps",
    }
    for claim, table in claims.items():
        ((logs,),) = mined.rows(
            f"select count(distinct process_code) from {table} "
            f"where process_code like 'quiet%' and {claim}"
        )
        assert logs <= 4, claim
    # After the third step extra is done, or not; there is no other choice.
    ((logs,),) = mined.rows(
        "select count(distinct process_code) from fct_discovered_steps "
        "where process_code like 'quiet%' and is_decision and activity_code <> 'step3'"
    )
    assert logs <= 4
    # The claims were possible: hardly any log was too short to test.
    ((tested,),) = mined.rows(
        "select count(distinct process_code) from fct_discovered_paths "
        "where process_code like 'quiet%' and not is_bottleneck"
    )
    assert tested >= 190


def test_counts_of_steps_are_the_generators(
    mined: Warehouse, logs: dict[str, Log]
) -> None:
    rows = mined.rows(
        "select process_code, activity_code, visits, instances, self_loops, repeats, "
        "redos, rework_instances, return_instances from fct_discovered_steps"
    )
    found = {(process, step): tuple(counts) for process, step, *counts in rows}
    drawn = {
        (log.process, step): (
            log.visits[step],
            log.visited[step],
            log.self_loops[step],
            log.repeats[step],
            log.redos[step],
            log.reworked[step],
            log.returned[step],
        )
        for log in logs.values()
        for step in log.visits
    }
    assert found == drawn


def test_counts_of_paths_are_the_generators(
    mined: Warehouse, logs: dict[str, Log]
) -> None:
    rows = mined.rows(
        "select process_code, from_activity_code, to_activity_code, transitions, "
        "instances, coalesce(total_seconds, 0), coalesce(handovers, 0) "
        "from int_discovery_paths"
    )
    found = {(process, (a, b)): tuple(counts) for process, a, b, *counts in rows}
    drawn = {
        (log.process, path): (
            log.moves[path],
            log.moved[path],
            log.seconds[path],
            log.handovers[path],
        )
        for log in logs.values()
        for path in log.moves
    }
    assert found == drawn


def test_shares_add_up_and_roles_agree_with_the_gate(mined: Warehouse) -> None:
    assert mined.rows(
        "select count(*) from fct_discovered_processes where gate <> 'refused'"
    ) == [(300,)]
    assert (
        mined.rows(
            "select process_code from fct_discovered_paths group by process_code "
            "having abs(sum(share) - 1) > 1e-6"
        )
        == []
    )


def test_the_order_of_rows_changes_nothing(
    empty: Candidate, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def tables(name: str, shuffled: Any) -> dict[str, list[Any]]:
        folder = tmp_path_factory.mktemp(name)
        warehouse = copy_warehouse(empty.path, folder)
        mine(warehouse, [slow_log(0), slow_log(1), shapes(0), shapes(1)], shuffled)
        return {mart: warehouse.rows(f"from {mart} order by all") for mart in MARTS}

    assert tables("ordered", None) == tables("shuffled", random.Random(5).shuffle)
