"""What mining says of the demo company, whose slow places are known by design."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from datetime import date
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from orchestration import discover, report
from tests.helpers.candidates import PUSHED, check_sentences, holds
from tests.helpers.published_demo import Warehouse


def test_every_event_that_counts_is_mined(demo_warehouse: Warehouse) -> None:
    rows = demo_warehouse.published.rows(
        "with counted as (select process_code, count(*) as instances, "
        "sum(events) as events from fct_process_instances "
        "where exclusion_reason is null and events > 0 group by process_code) "
        "select counted.* from counted left join fct_discovered_processes as mined "
        "using (process_code) where mined.instances is distinct from counted.instances "
        "or mined.events is distinct from counted.events"
    )
    assert rows == []


def test_roles_respect_the_gate(demo_warehouse: Warehouse) -> None:
    """Collaboration has a handful of closed cases, steps of a call are laid end to end,
    leads are followed up again and again by design."""
    gates = dict(
        demo_warehouse.published.rows(
            "select process_code, coalesce(gate_reasons, '') "
            "from fct_discovered_processes"
        )
    )
    assert "few_closed" in gates["collaboration"]
    assert "order_unreliable" in gates["calls"]
    assert "repetitive" in gates["leads"]
    assert roles(demo_warehouse, "collaboration") == set()
    assert "is_rework" not in {role for _, role in roles(demo_warehouse, "leads")}


def roles(demo_warehouse: Warehouse, process: str) -> set[tuple[str, str]]:
    """Activity and role, for each role found."""
    names = [
        *("is_decision", "is_collaboration", "is_ping_pong", "is_rework"),
        *("is_repeated_approval", "is_serial_approval", "is_bottleneck", "is_risk"),
    ]
    found: Any = demo_warehouse.published.rows(
        f"select activity_code, {', '.join(names)} from fct_discovered_steps "
        f"where process_code = '{process}'"
    )
    return {
        (activity, role)
        for activity, *flags in found
        for role, flag in zip(names, flags, strict=True)
        if flag
    }


def bottlenecks(demo_warehouse: Warehouse, process: str) -> list[tuple[str, str]]:
    """Paths claimed to be bottlenecks, the largest share of waiting first."""
    return demo_warehouse.published.rows(
        "select from_activity_code, to_activity_code from fct_discovered_paths "
        f"where process_code = '{process}' and is_bottleneck order by share desc"
    )


def test_complaints_wait_for_their_handler(demo_warehouse: Warehouse) -> None:
    """The simulator spends about half of a complaint's time before it is handled; the
    handler is of another department; reopened complaints come back to him."""
    assert bottlenecks(demo_warehouse, "complaints")[0] == ("assign", "handle")
    assert {
        ("assign", "is_decision"),
        ("handle", "is_collaboration"),
        ("handle", "is_bottleneck"),
    } <= roles(demo_warehouse, "complaints")


def test_failed_lots_wait_for_their_next_inspection(demo_warehouse: Warehouse) -> None:
    assert bottlenecks(demo_warehouse, "quality") == [("inspect_first", "reinspect")]
    assert ("reinspect", "is_rework") in roles(demo_warehouse, "quality")


def test_the_second_approval_is_seen_as_one_too_many(demo_warehouse: Warehouse) -> None:
    """Given up in July 2025; before, nothing took longer. Cases begun before go on."""
    assert ("approve_2", "is_repeated_approval") in roles(demo_warehouse, "procurement")
    assert bottlenecks(demo_warehouse, "procurement") == [("approve_1", "approve_2")]
    ((last_seen_on,),) = demo_warehouse.published.rows(
        "select last_seen_on from fct_discovered_steps "
        "where process_code = 'procurement' and activity_code = 'approve_2'"
    )
    assert date(2025, 6, 1) < last_seen_on < date(2025, 8, 1)
    (slowest,) = demo_warehouse.published.rows(
        "select from_activity_code, to_activity_code from fct_discovered_paths "
        "where process_code = 'procurement' and share is not null "
        "order by share desc limit 1"
    )
    assert slowest == ("approve_1", "approve_2")


def test_work_changes_hands_where_another_department_goes_on(
    demo_warehouse: Warehouse,
) -> None:
    """Dispatchers hand to the warehouse, this to shipping; marketing mails and sales
    follow up the same leads in turn."""
    orders, leads = roles(demo_warehouse, "orders"), roles(demo_warehouse, "leads")
    assert {("pick", "is_collaboration"), ("hand_over", "is_collaboration")} <= orders
    assert ("dispatch", "pick") in bottlenecks(demo_warehouse, "orders")
    assert ("follow_up", "is_ping_pong") in leads
    assert not [role for role in orders if "is_ping_pong" in role]


# ------------------------------------------------------------------ candidates


def candidates(demo_warehouse: Warehouse, columns: str) -> dict[str, list[dict]]:
    """Process to its candidates, the best first."""
    found = defaultdict(list)
    for row in demo_warehouse.published.rows(
        f"select process_code, {columns} from fct_kpi_candidates "
        "order by process_code, score desc nulls last, candidate_id"
    ):
        names = columns.replace(" ", "").split(",")
        found[row[0]].append(dict(zip(names, row[1:], strict=True)))
    return found


# What the demo company must be told to measure: the template, and where.
CALLED_FOR = {
    "calls": {("T07", None), ("T20", None)},
    "complaints": {("T02", "assign"), ("T05", None), ("T07", None), ("T19", None)},
    "leads": {("T21", None), ("T25", None), ("T18", None)},
    "orders": {("T02", "dispatch"), ("T02", "pack"), ("T21", None), ("T10", None)},
    "procurement": {("T02", "approve_1"), ("T13", None), ("T24", None)},
    "quality": {("T02", "inspect_first"), ("T07", None), ("T08", "reinspect")},
    "collaboration": set(),
}


@pytest.mark.parametrize("process", CALLED_FOR)
def test_each_slow_or_faulty_place_has_a_candidate(
    demo_warehouse: Warehouse, process: str
) -> None:
    found = candidates(demo_warehouse, "template_code, from_activity_code, status")
    measured = {
        (row["template_code"], row["from_activity_code"])
        for row in found[process]
        if row["status"] != "refused"
    }
    assert measured >= CALLED_FOR[process]
    if process != "collaboration":
        assert measured >= {("T01", None), ("T22", None)}


def test_customers_who_come_again_are_a_failure_of_complaints_only(
    demo_warehouse: Warehouse,
) -> None:
    """Who orders again is a success; who complains or calls again was not helped."""
    found = candidates(demo_warehouse, "template_code")
    again = {
        process
        for process, rows in found.items()
        if any(row["template_code"] == "T19" for row in rows)
    }
    assert again == {"calls", "complaints"}


@pytest.mark.parametrize("process", CALLED_FOR)
def test_each_process_has_a_core_or_the_name_of_what_is_missing(
    demo_warehouse: Warehouse, process: str
) -> None:
    """Nothing of a purchase is done again, and none ends badly: no quality is on
    record that could hold its speed in check. Hardly any suggestion is closed."""
    columns = "candidate_id, kind, family, is_core, counter_id, counter_gap, "
    columns += "refusal_reason, status"
    rows = candidates(demo_warehouse, columns)[process]
    kept = [row for row in rows if row["status"] == "candidate"]
    core = [row for row in kept if row["is_core"]]
    if process == "collaboration":
        assert {row["refusal_reason"] for row in rows} == {"few_closed"}
        assert not kept
    elif process == "procurement":
        assert {row["family"] for row in kept} == {"speed", "cost", "volume"}
        assert all(row["counter_id"] is None for row in kept)
        assert {row["counter_gap"] for row in kept} == {"outcome", "rework"}
        assert not core
    else:
        assert len(core) in (2, 3)
        assert any(row["kind"] == "outcome" for row in core)
        names = [row["candidate_id"].split(".", 1)[1] for row in core]
        for row, name in zip(core, names, strict=True):
            assert row["family"] not in PUSHED or any(holds(one, name) for one in names)


def test_a_proposed_target_is_better_than_today_and_within_reach(
    demo_warehouse: Warehouse,
) -> None:
    rows = demo_warehouse.published.rows(
        "select targets.candidate_id, targets.direction, targets.target, "
        "targets.verdict, targets.level, targets.best_reach, candidates.unit "
        "from fct_kpi_candidate_targets as targets "
        "inner join fct_kpi_candidates as candidates using (candidate_id)"
    )
    proposed = [row for row in rows if row[2] is not None]
    assert len(proposed) >= 30
    for candidate, direction, target, verdict, level, reach, unit in proposed:
        assert verdict == "realistic", candidate
        sign = 1 if direction == "higher" else -1
        assert sign * (target - level) > 0, candidate
        assert sign * (reach - target) >= -0.05 * abs(target), candidate
        if unit == "pct":
            assert 0 <= target <= 100, candidate
    assert {row[3] for row in rows if row[2] is None} <= {"insufficient"}


def test_candidates_are_measured_on_enough_periods(demo_warehouse: Warehouse) -> None:
    rows = demo_warehouse.published.rows(
        "select candidate_id, periods, period_grain, median_n from fct_kpi_candidates "
        "where status <> 'refused'"
    )
    assert len(rows) >= 50
    for candidate, periods, grain, median in rows:
        assert periods >= 6, candidate
        # Thin ones go by the coarsest grain that comes to six periods.
        assert (median >= 30 and periods >= 12) or grain != "day", candidate
    assert sum(periods >= 12 for _, periods, *_ in rows) >= 0.9 * len(rows)


def test_each_number_of_a_sentence_is_a_column(demo_warehouse: Warehouse) -> None:
    check_sentences(demo_warehouse.published.rows)


# ------------------------------------------------------------------ takt discover


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_story_of_each_process_fits_a_terminal(
    demo_warehouse: Warehouse, language: str
) -> None:
    told = discover.stories(demo_warehouse.company.settings)
    assert [story.process["process_code"] for story in told] == sorted(CALLED_FOR)
    for story in told:
        out = io.StringIO()
        console = Console(file=out, width=80)
        for line in report.story_lines(discover.told(story, language)):
            console.print(line)
        text = out.getvalue()
        assert all(cell_len(line) <= 80 for line in text.splitlines())
        for row in story.steps:
            # A long name may be broken over lines.
            assert row[f"name_{language}"].split()[0] in text
        for row in story.core:
            assert row[f"name_{language}"].split()[0] in text
        assert "None" not in text
        assert "nan" not in text.split()


def test_the_story_for_machines_is_what_the_marts_say(
    demo_warehouse: Warehouse,
) -> None:
    found = json.loads(
        discover.as_json(discover.stories(demo_warehouse.company.settings, "orders"))
    )
    (story,) = found
    for part, mart, key in (
        ("steps", "fct_discovered_steps", "activity_code"),
        ("candidates", "fct_kpi_candidates", "candidate_id"),
    ):
        expected = demo_warehouse.published.rows(
            f"select to_json(mart) from {mart} as mart where process_code = 'orders'"
        )
        marts = {row[key]: row for row in (json.loads(text) for (text,) in expected)}
        shown = {row[key]: row for row in story[part]}
        assert set(shown) == set(marts)
        for code, row in marts.items():
            for column, value in row.items():
                assert shown[code][column] == value, (code, column)
