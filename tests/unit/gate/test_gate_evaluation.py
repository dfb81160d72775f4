"""The short way to great-expectations' answers gives the answers of its own way."""

from __future__ import annotations

import random
from typing import Any

import great_expectations
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
import pytest
from great_expectations.expectations import Expectation

from orchestration.evaluation import RESULT_FORMAT, Outcome, evaluate
from orchestration.suites import load_suite
from tests.unit.gate.frames import GOOD

FIGURES = (
    "element_count",
    "missing_count",
    "unexpected_count",
    "unexpected_percent",
    "observed_value",
)
CODES = sorted(GOOD)


def asked_the_long_way(
    expectations: list[Expectation], frame: pd.DataFrame
) -> list[Any]:
    """What `batch.validate` says of each, in the order given."""
    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("source").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(
        {"dataframe": frame}
    )
    marked = [
        one.copy(update={"meta": {"place": place}})
        for place, one in enumerate(expectations)
    ]
    suite = great_expectations.ExpectationSuite(name="s", expectations=marked)
    answers = batch.validate(suite, result_format=RESULT_FORMAT).results
    return sorted(answers, key=lambda one: one.expectation_config.meta["place"])


def damaged(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Cells blanked, moved to other rows and repeated."""
    chance = random.Random(seed)
    frame = frame.copy()
    for column in frame.columns:
        blanked = [chance.random() < 0.2 for _ in range(len(frame))]
        order = chance.sample(range(len(frame)), len(frame))
        frame[column] = frame[column].iloc[order].reset_index(drop=True)
        frame.loc[np.array(blanked), column] = None
    return pd.concat([frame, frame.head(3)], ignore_index=True)


def assert_same(short: Outcome, long: Any) -> None:
    assert short.success == bool(long.success)
    for figure in FIGURES:
        assert short.result.get(figure) == long.result.get(figure), figure


@pytest.mark.parametrize("code", CODES)
def test_every_suite_is_answered_alike(code: str) -> None:
    batch = load_suite(code).batch
    frame = damaged(GOOD[code](), seed=7)
    answers = [outcome for _, outcome in evaluate(batch, frame)]
    assert not all(outcome.success for outcome in answers), "nothing was damaged"
    for short, long in zip(answers, asked_the_long_way(batch, frame), strict=True):
        assert_same(short, long)


def test_a_second_frame_is_answered_for_itself() -> None:
    """Nothing of the frame before is left, as a cache by name would have it."""
    asked = [gxe.ExpectColumnValuesToNotBeNull(column="a", notes="n")]
    frames = [pd.DataFrame({"a": cells}) for cells in ([1, 2], [1, None, None])]
    found = [evaluate(asked, frame)[0][1] for frame in (*frames, frames[0])]
    assert [one.success for one in found] == [True, False, True]
    assert [one.result["element_count"] for one in found] == [2, 3, 2]


def test_what_cannot_be_computed_is_raised_and_costs_only_its_own_expectation() -> None:
    frame = pd.DataFrame({"a": ["x", "y"]})
    asked = [
        gxe.ExpectColumnMeanToBeBetween(column="a", min_value=0, notes="n"),
        gxe.ExpectColumnValuesToNotBeNull(column="none_such", notes="n"),
        gxe.ExpectColumnValuesToNotBeNull(column="a", notes="n"),
    ]
    found = [outcome for _, outcome in evaluate(asked, frame)]
    assert [one.success for one in found] == [False, False, True]
    assert [bool(one.raised) for one in found] == [True, True, False]


def test_no_cell_is_in_an_answer() -> None:
    asked = [
        gxe.ExpectColumnValuesToBeInSet(column="a", value_set=["x"], notes="n"),
        gxe.ExpectColumnValuesToBeUnique(column="a", notes="n"),
    ]
    frame = pd.DataFrame({"a": ["Wang Fang", "Wang Fang", "x"]})
    assert "Wang" not in repr(evaluate(asked, frame))
