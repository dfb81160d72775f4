"""Without a planted effect the review finds nothing of it, and all else as before.

Two looks at the whole record: the KPIs of some plants as the simulator has them without
these, all others as published. Cases come added up by day.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow
import pytest

from demo import calls, collaboration, complaints, orders, procurement, quality
from demo.truth import COUNTED, Tally
from demo.world import World
from orchestration.build import Candidate
from tests.helpers.demo_company import CALENDARS, END
from tests.helpers.nights import FINDING_MODELS, Replay
from tests.helpers.published_demo import SCALE, SEED
from tests.helpers.published_demo import Warehouse as Demo
from tests.helpers.warehouse import copy_warehouse

MODELS = (
    *("int_kpi_data_states", "int_review_series", "int_kpi_intervals"),
    *("int_kpi_signals", "fct_kpi_status", "int_alert_conditions"),
    *("fct_alert_states", "fct_alert_episodes", *FINDING_MODELS),
)
# Published tables that the rules read and that no plant changes.
GIVEN = (
    *("dim_kpis", "dim_kpi_targets", "fct_kpi_values", "fct_kpi_observations"),
    "fct_process_instances",
)
# Plant to (rule, KPI, counter metric, verdict or month of onset) it is to be found by.
PLANTED: dict[str, set[tuple[str, str, str | None]]] = {
    "PL1": {("V-1", "orders.dispatch_minutes", "verified")},
    "PL2": {
        ("V-1", "complaints.dispatch_minutes", "complaints.handling_error_rate_pct")
    },
    "PL3": {("V-1", "procurement.cycle_hours", "verified")},
    "PL4": {("TR-1", "procurement.cycle_hours", None)},
    "PL5": {
        ("C-1", "calls.handle_seconds", "calls.satisfaction_score"),
        ("C-1", "calls.handle_seconds", "calls.fcr_pct"),
    },
    "PL6": {
        ("limit", "quality.return_rate_pct", "2025-09"),
        ("signal", "quality.first_pass_yield_pct", "2025-08"),
    },
    "PL8": {
        ("P-2", "orders.same_day_ship_eligible_pct", "orders.same_day_ship_pct"),
    },
    "PL9": {("TR-3", "orders.info_accuracy_pct", None)},
    "PL12": {("limit", "orders.processing_minutes", "2025-06")},
    "PL15": {("limit", "collaboration.adopted_solutions_count", "2026-01")},
}
# What is left out in one look: no two of these share a finding.
OFF = [
    {"PL2", "PL4", "PL5", "PL6", "PL8", "PL9", "PL12", "PL15"},
    {"PL1", "PL3"},
]
LAST_NIGHT = datetime(2026, 6, 30, 18, tzinfo=UTC)


def without(plants: set[str]) -> list[Tally]:
    """What a faultless reader counts in the processes of these plants without them."""
    world = World(CALENDARS, SEED, SCALE, frozenset(plants))
    built = []
    if plants & {"PL1", "PL6", "PL8", "PL9", "PL12"}:
        built.append(orders.build(world))
    if "PL6" in plants:
        built.append(quality.build(world, built[0]))
    for module, of in (
        (complaints, {"PL2"}),
        (procurement, {"PL3", "PL4"}),
        (calls, {"PL5"}),
        (collaboration, {"PL15"}),
    ):
        if plants & of:
            built.append(module.build(world))
    return [process.seen(END) for process in built]


def days(tallies: list[Tally]) -> pyarrow.Table:
    """KPI, day, and the parts and number of what counts."""
    frames = []
    for kpi, parts in ((k, p) for tally in tallies for k, p in tally.parts.items()):
        frame = pd.concat(parts, ignore_index=True)
        counted = frame[frame["state"] == COUNTED]
        sums = counted.groupby("day")[["num", "den", "n"]].sum().reset_index()
        frames.append(sums.assign(kpi_code=kpi))
    return pyarrow.Table.from_pandas(pd.concat(frames, ignore_index=True))


# A period that is final is final without the plant as well, with other parts.
VALUES = """
    update fct_kpi_values as reported
    set
        numerator = told.num,
        denominator = told.den,
        counted_count = told.n,
        value = told.scale * told.num / told.den
    from (
        select
            kpi_code, period_grain, period_start, max(scale) as scale,
            sum(num) as num, sum(den) as den, sum(n) as n
        from fct_kpi_values
        inner join told_by_day using (kpi_code)
        inner join dim_kpis using (kpi_code)
        where measured_on >= period_start and measured_on < period_end
            and fct_kpi_values.segment_code = 'all'
        group by all
        having sum(den) > 0
    ) as told
    where
        reported.kpi_code = told.kpi_code
        and reported.period_grain = told.period_grain
        and reported.period_start = told.period_start
        and reported.segment_code = 'all'
        and reported.state = 'final'
"""
CASES = """
    delete from fct_kpi_observations
    where kpi_code in (select kpi_code from told_by_day);
    insert into fct_kpi_observations by name
    select
        kpi_code, 'all' as segment_code, cast(day as varchar) as subject_id,
        measured_on, 'counted' as state, num as numerator, den as denominator
    from told_by_day
"""
FOUND = """
    select
        rule_id, kpi_code,
        -- An intervention is always judged; without its plant as one without effect.
        coalesce(counter_kpi_code, case rule_id when 'V-1' then verdict end)
    from fct_findings
    union all
    select rule_id, kpi_code, strftime(onset_on, '%Y-%m') from fct_alert_episodes
"""


def look(
    empty: Candidate, demo: Demo, folder: Path, plants: set[str]
) -> tuple[set[tuple], set[str]]:
    """All that is found without these plants, and the KPIs that were replaced."""
    warehouse = copy_warehouse(empty.path, folder)
    told = days(without(plants))
    replay = Replay(warehouse, folder, disturbed=False, models=MODELS)
    with warehouse.connect() as connection:
        path = demo.published.folder / "marts.duckdb"
        connection.execute(f"attach '{path}' as demo (read_only)")
        for table in GIVEN:
            connection.execute(f"create or replace table {table} as from demo.{table}")
        connection.register("told", told)
        connection.execute(
            "create table told_by_day as select *, "
            "date '1970-01-01' + cast(day as integer) as measured_on from told"
        )
        connection.execute(VALUES)
        connection.execute(CASES)
    warehouse.run("int_review_benchmarks")
    replay.build(LAST_NIGHT, "one")
    return set(warehouse.rows(FOUND)), set(told.column("kpi_code").to_pylist())


@pytest.mark.parametrize("off", OFF)
def test_without_a_plant_its_findings_vanish_and_all_others_stay(
    empty: Candidate,
    demo_warehouse: Demo,
    tmp_path: Path,
    off: set[str],
) -> None:
    everything = set().union(*PLANTED.values())
    before = set(demo_warehouse.published.rows(FOUND))
    assert everything <= before
    found, replaced = look(empty, demo_warehouse, tmp_path, off)
    gone = set().union(*(PLANTED[plant] for plant in off))
    assert everything & found == everything - gone
    # Of KPIs that no such plant touches all is as it was.
    values = ("A-1", "TR-", "C-1", "V-1", "P-", "limit", "signal")

    def others(rows: set[tuple]) -> set[tuple]:
        return {
            row for row in rows if row[0].startswith(values) and row[1] not in replaced
        }

    assert others(found) == others(before)
