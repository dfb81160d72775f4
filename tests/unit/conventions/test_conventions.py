"""The project keeps its own conventions, and each check finds a planted defect."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.conventions.project import CHECKS, Project

REPOSITORY = Path(__file__).resolve().parents[3]
PARTS = ("models", "seeds", "docs", "tests/data", "expectations")
KPI = "models/metrics/orders/kpi_orders__dispatch_minutes"
UNION = "models/marts/fct_kpi_observations.sql"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project in which a test may break something."""
    for part in PARTS:
        shutil.copytree(REPOSITORY / part, tmp_path / part)
    return tmp_path


def findings(root: Path) -> list[str]:
    """All findings of all checks."""
    project = Project(root)
    return [finding for check in CHECKS for finding in check(project)]


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path}: the text to break is gone, adapt the test: {old}"
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_project_keeps_its_conventions(check) -> None:
    assert check(Project(REPOSITORY)) == []


def test_forgotten_line_in_the_union_is_named(copy: Path) -> None:
    edit(copy / UNION, "    'kpi_orders__dispatch_minutes',\n", "")
    assert findings(copy) == [f"{UNION}: kpi_orders__dispatch_minutes is not in kpis"]


def test_forgotten_register_row_is_named(copy: Path) -> None:
    register = copy / "seeds/kpis.csv"
    lines = register.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("orders.dispatch_minutes,")]
    register.write_text("".join(kept), encoding="utf-8")
    assert (
        f"seeds/kpis.csv: no row for orders.dispatch_minutes ({KPI}.sql)"
        in findings(copy)
    )


def test_forgotten_model_is_named(copy: Path) -> None:
    (copy / f"{KPI}.sql").unlink()
    found = findings(copy)
    assert (
        "models/metrics/orders: no kpi_orders__dispatch_minutes.sql for "
        "orders.dispatch_minutes" in found
    )
    assert (
        "models/metrics: kpi_orders__dispatch_minutes.sql is listed but not there"
        in found
    )


def test_forgotten_yaml_is_named(copy: Path) -> None:
    (copy / f"{KPI}.yml").unlink()
    assert (
        f"{KPI}.sql: kpi_orders__dispatch_minutes.yml beside it does not describe it"
        in findings(copy)
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "finding"),
    [
        (
            f"{KPI}.sql",
            "ref('int_orders__instances')",
            "source('erp', 'orders')",
            f"{KPI}.sql: source() is for staging; ref() its model instead",
        ),
        (
            f"{KPI}.sql",
            "ref('int_orders__instances')",
            "ref('stg_erp__orders')",
            f"{KPI}.sql: metrics must not read staging (stg_erp__orders)",
        ),
        (
            f"{KPI}.sql",
            "ref('int_orders__instances')",
            "ref('kpis')",
            f"{KPI}.sql: metrics must not read seeds (kpis)",
        ),
        (
            f"{KPI}.sql",
            "ref('int_orders__instances')",
            "ref('fct_kpi_daily')",
            f"{KPI}.sql: metrics must not read marts (fct_kpi_daily)",
        ),
        (
            f"{KPI}.sql",
            "ref('int_orders__instances')",
            "ref('int_oders__instances')",
            f"{KPI}.sql: ref('int_oders__instances') is neither model nor seed",
        ),
        (
            f"{KPI}.sql",
            "-- Grain: one row per order",
            "-- Orders",
            f"{KPI}.sql: the first line must be `-- Grain: one row per …`",
        ),
        (
            f"{KPI}.sql",
            "'orders.dispatch_minutes' as kpi_code",
            "'orders.processing_minutes' as kpi_code",
            f"{KPI}.sql: must name its rows 'orders.dispatch_minutes'",
        ),
        (
            f"{KPI}.sql",
            "where orders.known_since_at < freshness.data_as_of",
            "where orders.known_since_at < current_timestamp",
            f"{KPI}.sql: current_timestamp is a clock; use as_of()",
        ),
        (
            f"{KPI}.yml",
            "contract: {enforced: true}",
            "contract: {enforced: false}",
            f"{KPI}.yml: its contract must be enforced",
        ),
        (
            f"{KPI}.yml",
            "test_excluded_and_open_orders_stay_with_a_reason\n"
            "    model: kpi_orders__dispatch_minutes",
            "test_of_another_model\n    model: kpi_orders__processing_minutes",
            f"{KPI}.yml: needs two unit tests, counted and not counted",
        ),
        (
            f"{KPI}.yml",
            "        description: Order number.\n",
            "",
            f"{KPI}.yml: subject_id has no description",
        ),
        (
            f"{KPI}.yml",
            "name: segment_code\n",
            "name: segment\n",
            f"{KPI}.yml: columns are not the observation contract, in order",
        ),
        (
            "models/marts/fct_kpi_values.yml",
            "contract: {enforced: true}",
            "contract: {enforced: false}",
            "models/marts/fct_kpi_values.sql: a published table needs an enforced "
            "contract",
        ),
        (
            "docs/marts.md",
            "fct_kpi_open_ages",
            "the ages",
            "docs/marts.md: does not mention fct_kpi_open_ages",
        ),
        (
            "seeds/kpis.csv",
            "erp.orders.dispatched_at",
            "erp.orders.dispatch_time",
            "seeds/kpis.csv: orders.dispatch_minutes: no contract declares "
            "erp.orders.dispatch_time",
        ),
        (
            "seeds/kpis.csv",
            ",receive,dispatch,duration",
            ",receive,despatch,duration",
            "seeds/kpis.csv: orders.dispatch_minutes: no step despatch on the process "
            "map",
        ),
        (
            "seeds/kpi_targets.csv",
            "orders.info_accuracy_pct",
            "orders.info_accuracy",
            "seeds/kpi_targets.csv: no KPI orders.info_accuracy",
        ),
        (
            "models/processes/core/int_process_events.sql",
            "'orders'",
            "'order'",
            "models/processes/core/int_process_events.sql: orders is not in packs",
        ),
        (
            "seeds/processes.csv",
            "\norders,",
            "\norder,",
            "seeds/processes.csv: no row for orders",
        ),
        (
            "seeds/process_steps.csv",
            "\norders,receive,",
            "\norders,receipt,",
            "seeds/process_steps.csv: no step receive of orders",
        ),
        (
            "models/staging/wms/stg_wms__picks.sql",
            "source('wms', 'picks')",
            "ref('stg_erp__orders')",
            "models/staging/wms: no model reads picks",
        ),
        (
            "expectations/wms.py",
            "\ndef picks()",
            "\ndef pick()",
            "expectations/wms.py: no suite picks()",
        ),
        (
            f"{KPI}.yml",
            "description: Order number.",
            "description: Order number.\n        data_tests: [not_null]",
            f"{KPI}.yml: not_null of subject_id is an argument of columns_hold, below "
            "data_tests of the model",
        ),
        (
            f"{KPI}.yml",
            "unique: [subject_id]",
            "unique: [subject]",
            f"{KPI}.yml: columns_hold names subject, no column",
        ),
        (
            f"{KPI}.yml",
            "description: Order number.",
            'description: "<decide subject: what is measured>"',
            f"{KPI}.yml: subject is not decided",
        ),
    ],
)
def test_planted_defect_is_named(
    copy: Path, file: str, old: str, new: str, finding: str
) -> None:
    edit(copy / file, old, new)
    assert finding in findings(copy)


def test_a_pack_without_files_or_test_is_named(copy: Path) -> None:
    events = "models/processes/orders/int_orders__events.sql"
    (copy / events).unlink()
    shutil.rmtree(copy / "tests/data/orders")
    found = findings(copy)
    assert f"{events}: is not there" in found
    assert "tests/data/orders: no test that nothing is lost" in found


def test_misnamed_singular_test_is_named(copy: Path) -> None:
    path = copy / "tests/data/orders/orders_are_complete.sql"
    path.write_text("select 1", encoding="utf-8")
    found = findings(copy)
    where = "tests/data/orders/orders_are_complete.sql"
    assert f"{where}: name it assert_orders__<invariant>" in found
    assert f"{where}: the first line must say what a row here means" in found
