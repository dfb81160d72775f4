"""What mining says of the demo company, whose slow places are known by design."""

from __future__ import annotations

from typing import Any

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
    """Given up in July 2025; before, nothing took longer."""
    assert ("approve_2", "is_repeated_approval") in roles(demo_warehouse, "procurement")
    (slowest,) = demo_warehouse.published.rows(
        "select from_activity_code, to_activity_code from fct_discovered_paths "
        "where process_code = 'procurement' and share is not null "
        "order by share desc limit 1"
    )
    assert slowest == ("approve_1", "approve_2")
