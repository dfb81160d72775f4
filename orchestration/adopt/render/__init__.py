"""The texts of a pack: contract, models with tests, suite, rows of the registers.

Every text is a function of the plan alone, so that a second adoption of the same file
writes the same bytes. Line 1 of each file carries the hash of what follows: a file
whose body still has that hash is ours, any other was edited by a person.
"""

from __future__ import annotations

from pathlib import Path

from orchestration.adopt.plan import Plan
from orchestration.adopt.render.contract import contract
from orchestration.adopt.render.events import events_sql, events_yml
from orchestration.adopt.render.instances import (
    instances_sql,
    instances_yml,
    nothing_is_lost,
)
from orchestration.adopt.render.registers import rows
from orchestration.adopt.render.staging import stage_sql, stage_yml, staging_name
from orchestration.adopt.render.suite import suite
from orchestration.adopt.render.text import MARK, sealed

__all__ = ["files", "rows"]


def files(plan: Plan) -> dict[Path, str]:
    """Every file of a pack, in an order in which each needs only those before it."""
    pack = plan.process
    staging = Path("models/staging") / pack
    models = Path("models/processes") / pack
    stage = staging_name(plan)
    case = "case" if plan.wishes.milestones else "event"
    found = {
        Path(f"expectations/{pack}.py"): sealed(Path("x.py"), suite(plan)),
        staging / f"_{pack}__sources.yml": contract(plan),
        staging / f"{stage}.sql": sealed(
            Path("x.sql"), stage_sql(plan), f"Grain: one row per {case} of the log."
        ),
        staging / f"{stage}.yml": stage_yml(plan),
        models / f"int_{pack}__events.sql": sealed(
            Path("x.sql"), events_sql(plan), f"Grain: one row per step of {pack}."
        ),
        models / f"int_{pack}__events.yml": events_yml(plan),
        models / f"int_{pack}__instances.sql": sealed(
            Path("x.sql"), instances_sql(plan), f"Grain: one row per case of {pack}."
        ),
        models / f"int_{pack}__instances.yml": instances_yml(plan),
        Path(f"tests/data/{pack}/assert_{pack}__nothing_is_lost.sql"): sealed(
            Path("x.sql"),
            nothing_is_lost(plan),
            "A row here is a row of the log without its event or case.",
        ),
    }
    return {
        path: text if MARK.search(text.partition("\n")[0]) else sealed(path, text)
        for path, text in found.items()
    }
