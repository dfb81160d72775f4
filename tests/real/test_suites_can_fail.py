"""Each expectation on a real export lets its rows through and sees its defect."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.evaluation import evaluate
from orchestration.suites import (
    DELIVERY_COLUMNS,
    Suite,
    claimed_columns,
    expectation_type,
)
from tests.real.nights import Night
from tests.real.project import OVERLAYS

ROWS = 20_000
# A delivery without any fault, and one of nothing else.
DELIVERY = dict.fromkeys(DELIVERY_COLUMNS, 0.0) | {"rows_in": 1000.0, "loaded": 1000.0}
BAD_DELIVERY = DELIVERY | {
    "loaded": 0.0,
    "rejected": 1000.0,
    "duplicates": 1000.0,
    "reject_share": 1.0,
    "duplicate_share": 1.0,
}


def suites() -> dict[str, Suite]:
    """Every suite of every overlay, by export."""
    found = {}
    for path in sorted(OVERLAYS.glob("*/expectations/*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, value in vars(module).items():
            if callable(value) and getattr(value, "__module__", "") == path.stem:
                made = value() if not name.startswith("_") else None
                if isinstance(made, Suite):
                    found[f"{path.stem}.{name}"] = made
    return found


SUITES = suites()


def blank(frame: pd.DataFrame, columns: list[str]) -> None:
    frame.loc[:, columns] = None


def unknown(frame: pd.DataFrame, columns: list[str]) -> None:
    frame[columns[0]] = "nobody's code"


def repeated(frame: pd.DataFrame, columns: list[str]) -> None:
    # Warnings tolerate a few: every row is the first one.
    for column in columns:
        frame[column] = frame[column].iloc[0]


def slipped(frame: pd.DataFrame, columns: list[str]) -> None:
    frame[columns[0]] = frame[columns[0]].astype("float64") * 1e9 - 1


def reversed_clock(frame: pd.DataFrame, columns: list[str]) -> None:
    later, earlier = columns
    frame[later] = pd.to_datetime(frame[earlier]) - pd.Timedelta(days=1)


DEFECTS: dict[str, Callable[[pd.DataFrame, list[str]], None]] = {
    "expect_column_values_to_not_be_null": blank,
    "expect_column_values_to_be_in_set": unknown,
    "expect_column_values_to_be_unique": repeated,
    "expect_compound_columns_to_be_unique": repeated,
    "expect_column_values_to_be_between": slipped,
    "expect_column_pair_values_a_to_be_greater_than_b": reversed_clock,
}


@pytest.fixture(params=SUITES)
def export(request: pytest.FixtureRequest) -> str:
    """Every export of the overlays."""
    return request.param


@pytest.fixture
def frame(full_night: Night, export: str) -> pd.DataFrame:
    """Rows from all parts of the lake file, as the gate reads them."""
    source, name = export.split(".")
    (*_, batch) = full_night.project.ledger(
        f"select lake_path from batches where source = '{source}'"
        f" and export = '{name}' order by seq"
    )
    table = pq.read_table(
        full_night.project.home / str(batch["lake_path"]),
        columns=list(SUITES[export].columns),
    )
    table = table.take(list(range(0, len(table), len(table) // ROWS + 1)))
    fields = [
        pa.field(f.name, pa.float64()) if pa.types.is_decimal(f.type) else f
        for f in table.schema
    ]
    return table.cast(pa.schema(fields)).to_pandas(date_as_object=False)


def test_real_rows_pass_and_each_planted_defect_is_seen(
    export: str, frame: pd.DataFrame
) -> None:
    suite = SUITES[export]
    unseen = []
    for expectation, outcome in evaluate(suite.batch, frame):
        if not outcome.success:
            unseen.append(f"{expectation_type(expectation)} fails on real rows")
    for expectation in suite.batch:
        kind, columns = expectation_type(expectation), claimed_columns(expectation)
        spoiled = frame.copy()
        DEFECTS[kind](spoiled, list(columns))
        ((_, outcome),) = evaluate([expectation], spoiled)
        if outcome.success:
            unseen.append(f"{kind} on {columns} does not see its defect")
    for figures, is_good in ((DELIVERY, True), (BAD_DELIVERY, False)):
        for expectation, outcome in evaluate(suite.delivery, pd.DataFrame([figures])):
            if outcome.success is not is_good:
                unseen.append(f"{claimed_columns(expectation)} of {figures}")
    assert unseen == []


def test_every_export_of_the_overlays_has_its_suite(full_night: Night) -> None:
    added = {path.stem for path in OVERLAYS.glob("*/expectations/*.py")}
    loaded = {
        f"{row['source']}.{row['export']}"
        for row in full_night.project.ledger("select source, export from batches")
        if row["source"] in added
    }
    assert loaded == set(SUITES)
