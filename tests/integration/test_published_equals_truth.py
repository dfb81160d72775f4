"""Every KPI the project has equals the demo's truth, number by number.

The truth is counted by the simulator from its own state: it shares no code with the
models and reads no export back. A KPI that gets a model is compared without being
added here.
"""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from orchestration.contract import Export
from orchestration.ledger import Ledger
from orchestration.settings import PROJECT_ROOT
from tests.helpers import truth
from tests.helpers.published_demo import Warehouse
from tests.unit.gate.frames import contracts

KPIS = sorted(
    path.stem.removeprefix("kpi_").replace("__", ".", 1)
    for path in (PROJECT_ROOT / "models" / "metrics").glob("*/kpi_*.sql")
)


@pytest.fixture(scope="module")
def found(demo_warehouse: Warehouse) -> dict[truth.Key, truth.Figure]:
    with demo_warehouse.published.marts() as marts:
        return truth.published(marts)


@pytest.fixture(scope="module")
def found_values(demo_warehouse: Warehouse) -> dict[truth.Key, tuple[int, ...]]:
    with demo_warehouse.published.marts() as marts:
        return truth.values(marts)


def only(figures: dict, kpi: str) -> dict:
    return {key: figure for key, figure in figures.items() if key[0] == kpi}


@pytest.mark.parametrize("kpi", KPIS)
def test_parts_states_and_reasons_equal_the_truth_in_every_period_and_segment(
    demo_warehouse: Warehouse, found: dict, found_values: dict, kpi: str
) -> None:
    if kpi not in demo_warehouse.truth["kpis"]:
        pytest.skip("the demo does not simulate this process yet")
    expected = truth.expected(demo_warehouse.truth, [kpi])
    wrong = truth.differences(expected, only(found, kpi))
    assert not wrong, truth.shown(wrong)
    wrong = truth.differences(truth.totals(expected), only(found_values, kpi))
    assert not wrong, truth.shown(wrong)
    # A comparison of nothing would hold as well.
    months = {key[2] for key in expected if key[1:4:2] == ("month", "all")}
    assert len(months) >= 17 or kpi.startswith(("company.", "collaboration."))


def test_one_number_off_anywhere_is_seen(
    demo_warehouse: Warehouse, found: dict, found_values: dict
) -> None:
    kpi, month, segment = "orders.pick_accuracy_pct", "2026-03", "灯具"
    cell = ("kpis", kpi, "month", month, segment, "observable")
    for part in ("num", "den", "n", "open", "undecided"):
        changed = copy.deepcopy(demo_warehouse.truth)
        at = changed
        for step in cell:
            at = at[step]
        at[part] += 1
        expected = truth.expected(changed, [kpi])
        key = (kpi, "month", month, segment)
        assert list(truth.differences(expected, only(found, kpi))) == [key]
        by_value = truth.differences(truth.totals(expected), only(found_values, kpi))
        assert list(by_value) == [key]
    at["excluded"]["cancelled"] = at["excluded"].get("cancelled", 0) + 1
    assert truth.differences(truth.expected(changed, [kpi]), only(found, kpi))


@pytest.mark.parametrize("export", contracts().values(), ids=lambda one: one.code)
def test_every_file_has_the_rows_duplicates_rejects_and_verdict_of_the_truth(
    demo_warehouse: Warehouse, export: Export
) -> None:
    expected = {
        file["path"]: (
            file["rows"],
            file["duplicates"],
            file["rejects"],
            file["verdict"],
        )
        for file in demo_warehouse.truth["files"]
        if file["export"] == export.code
    }
    if not expected:
        pytest.skip("the demo does not simulate this source yet")
    settings = demo_warehouse.company.settings
    verdicts = {True: "admitted", False: "quarantined"}
    found = {}
    with Ledger.open(settings.ledger_path, check=False) as ledger:
        for file in ledger.files(export):
            batch = ledger.find_batch(export, file["sha256"], file["period"])
            assert batch is not None, file["path"]
            admitted = verdicts[ledger.admitted(batch)]
            verdict = "known" if file["outcome"] == "known" else admitted
            counts = (batch.rows_in, batch.duplicates, batch.rejected)
            found[file["path"]] = (*counts, verdict)
    assert found == expected


def test_the_refresh_ends_with_0_when_every_bad_file_was_corrected(
    demo_warehouse: Warehouse,
) -> None:
    assert demo_warehouse.published.exit_code == 0
    assert "Held back" not in demo_warehouse.published.output
    assert Path(demo_warehouse.published.folder, "manifest.json").is_file()
