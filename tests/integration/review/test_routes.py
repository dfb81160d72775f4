"""Who is told: the first in line that is in force, and whoever stands in."""

from __future__ import annotations

from datetime import date

import pytest

from tests.helpers.review_rows import kpi
from tests.helpers.warehouse import Warehouse

# Not in force on the day of the run, 2026-07-01: who left, and who has not come yet.
COLUMNS = "owner_code,name_en,name_zh,org_unit_code,language,deputy_code"
OWNERS = f"""{COLUMNS},valid_from,valid_to
told,Told,甲,unit,zh,,2025-01-01,
owner,Owner,乙,unit,en,,2025-01-01,
step,Step,丙,unit,zh,,2025-01-01,
process,Process,丁,unit,zh,,2025-01-01,
head,Head,戊,unit,zh,,2025-01-01,
office,Office,己,unit,en,,2025-01-01,
steward,Steward,庚,unit,zh,,2025-01-01,
left,Left,辛,unit,zh,deputy,2025-01-01,2026-07-01
deputy,Deputy,壬,unit,zh,,2025-01-01,
left_too,Left too,癸,unit,zh,left,2025-01-01,2026-03-01
new,New,子,unit,zh,,2026-07-02,
changed,Old name,丑,unit,zh,nobody,2025-01-01,2026-01-01
changed,New name,寅,unit,en,deputy,2026-01-01,2026-06-01"""
LINE = ["owner", "step", "process", "head", "office"]


def lines(warehouse: Warehouse, purpose: str) -> dict[str, list[str]]:
    """KPI to those who are told, in order."""
    found: dict[str, list[str]] = {}
    for code, owner in warehouse.rows(
        "select kpi_code, owner_code from dim_alert_routes "
        f"where purpose = '{purpose}' and segment_code = 'all' "
        "order by kpi_code, route_no"
    ):
        found.setdefault(code, []).append(owner)
    return found


@pytest.mark.proves("routes")
def test_an_owner_out_of_force_is_followed_by_a_deputy_or_the_next_in_line(
    warehouse: Warehouse,
) -> None:
    """alert_to, owner, owner of the step it ends with, of the process, head, default.

    A deputy who is gone as well stands in for nobody; who comes tomorrow is not told
    today; whoever is named twice keeps the first place.
    """
    owners = {
        "a.all": ("told", "owner"),
        "a.left": (None, "left"),
        "a.left_too": (None, "left_too"),
        "a.new": ("new", "owner"),
        "a.changed": (None, "changed"),
        "a.twice": ("head", "office"),
        "a.unknown": (None, "never_registered"),
    }
    warehouse.load("stg_registers__owners", OWNERS)
    warehouse.load(
        "dim_kpis",
        [
            kpi(
                code,
                process_code="p",
                from_activity_code="first",
                to_activity_code="last",
                owner_code=owner,
                data_owner_code="left" if code == "a.left" else "steward",
            )
            for code, (_, owner) in owners.items()
        ],
    )
    warehouse.load("dim_processes", "process_code,owner_code\np,process")
    warehouse.load(
        "stg_registers__process_steps",
        """process_code,activity_code,owner_code,org_unit_code,valid_from,valid_to
        p,first,told,unit,2025-01-01,
        p,last,told,unit,2025-01-01,2026-01-01
        p,last,step,unit,2026-01-01,""",
    )
    warehouse.load(
        "stg_registers__org_units",
        """org_unit_code,head_owner_code,valid_from,valid_to
        unit,left_too,2025-01-01,2026-01-01
        unit,head,2026-01-01,""",
    )
    warehouse.load(
        "dim_kpi_targets",
        [
            {
                "kpi_code": code,
                "segment_code": "all",
                "valid_from": date(2025, 1, 1),
                "phase": "in_force",
                "alert_to_code": told,
            }
            for code, (told, _) in owners.items()
        ],
    )
    warehouse.load(
        "stg_registers__defaults",
        """name,scope_code,value
        default_owner,all,office
        reminder_max,all,3
        escalate_after,all,2""",
    )
    warehouse.run("int_kpi_defaults", "dim_alert_routes")
    assert lines(warehouse, "alert") == {
        "a.all": ["told", *LINE],
        "a.left": ["deputy", *LINE[1:]],
        "a.left_too": LINE[1:],
        "a.new": LINE,
        "a.changed": ["deputy", *LINE[1:]],
        "a.twice": ["head", "office", "step", "process"],
        "a.unknown": LINE[1:],
    }
    # What is wrong with the data concerns another one.
    assert lines(warehouse, "data")["a.all"] == ["steward", "office"]
    assert lines(warehouse, "data")["a.left"] == ["deputy", "office"]
    # Told as who stands in, in their own language, and for whom.
    assert warehouse.rows(
        "select named_owner_code, name_en, language from dim_alert_routes "
        "where kpi_code = 'a.left' and purpose = 'alert' and route_no = 1"
    ) == [("left", "Deputy", "zh")]
