"""From results to a verdict: the rules, on small frames and small suites."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import great_expectations.expectations as gxe
import pandas as pd
import pytest
from great_expectations.expectations.row_conditions import Column

from orchestration import judging
from orchestration.judging import Task, judge, period_share, unsuitable
from orchestration.suites import Suite

CANARY = "Canary-8391-Wang"


def task(frame: pd.DataFrame, **changes: Any) -> Task:
    columns = tuple(frame.columns)
    made = Task(
        seq=1,
        export_code="shop.cases",
        lake_path=Path("none"),
        lake_sha256="0",
        rows=len(frame),
        columns=columns,
        delivery={"rows_in": len(frame), "loaded": len(frame)},
    )
    return replace(made, **changes)


def rows(*values: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": list(values), "b": ["x"] * len(values)})


def not_null(severity: str = "critical", column: str = "a", **more: Any) -> Any:
    return gxe.ExpectColumnValuesToNotBeNull(
        column=column, severity=severity, notes="Guards the count.", **more
    )


@pytest.mark.parametrize(
    ("strengths", "verdict"),
    [
        ({"critical": 0.9}, "FAIL"),
        ({"warning": 0.9}, "WARN"),
        ({"critical": 0.4, "warning": 0.9}, "WARN"),
        ({"critical": 0.4}, "PASS"),
    ],
)
def test_the_worst_failed_severity_decides(
    strengths: dict[str, float], verdict: str
) -> None:
    frame = rows("1", None)
    suite = Suite(batch=[not_null(k, mostly=v) for k, v in strengths.items()])
    assert judge(suite, frame, task(frame)).verdict == verdict


def test_an_expectation_that_raises_outweighs_one_that_fails() -> None:
    frame = rows("x", None)
    broken = gxe.ExpectColumnMaxToBeBetween(column="b", max_value=1, notes="n")
    judgement = judge(Suite(batch=[broken, not_null()]), frame, task(frame))
    assert judgement.verdict == "ERROR"
    assert judgement.reasons[0] == "b: column max to be between raised TypeError."
    assert (judgement.expected, judgement.evaluated) == (2, 1)


@pytest.mark.parametrize(
    ("suite", "frame", "reason"),
    [
        (Suite(), rows("1"), "The suite tests nothing about the rows."),
        (Suite(batch=[not_null()]), rows(), "No rows."),
        (
            Suite(
                batch=[
                    gxe.ExpectColumnValuesToBeInSet(
                        column="a", value_set=["1"], notes="n"
                    )
                ]
            ),
            pd.DataFrame({"a": pd.Series([None, None], dtype="str"), "b": ["x", "y"]}),
            "a is tested and has no value in the whole file.",
        ),
        (
            Suite(batch=[not_null(row_condition=Column("b") == "never")]),
            rows("1"),
            "a: column values to not be null had no row to test.",
        ),
    ],
    ids=["empty_suite", "no_rows", "all_null", "no_row_meets_the_condition"],
)
def test_a_vacuous_success_is_a_fail(
    suite: Suite, frame: pd.DataFrame, reason: str
) -> None:
    judgement = judge(suite, frame, task(frame))
    assert judgement.verdict == "FAIL"
    assert reason in judgement.reasons


def test_a_column_that_only_chooses_rows_may_be_empty() -> None:
    """Nothing was cancelled this month: what is told of cancellations is untested."""
    frame = pd.DataFrame({"a": ["1"], "b": pd.Series([None], dtype="str")})
    suite = Suite(
        batch=[
            not_null(),
            gxe.ExpectColumnValuesToBeInSet(
                column="a",
                value_set=["1"],
                row_condition=Column("b").is_null(),
                notes="n",
            ),
        ]
    )
    assert judge(suite, frame, task(frame)).verdict == "PASS"


def test_fewer_evaluations_than_expectations_is_a_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame, whole = rows("1"), judging.evaluate
    monkeypatch.setattr(judging, "evaluate", lambda wanted, f: whole(wanted, f)[1:])
    judgement = judge(
        Suite(batch=[not_null(), not_null(column="b")]), frame, task(frame)
    )
    assert judgement.verdict == "FAIL"
    assert "1 of 2 expectations were evaluated." in judgement.reasons


def test_a_sparse_column_may_be_empty_and_its_test_says_that_it_tested_nothing() -> (
    None
):
    frame = rows("1")
    suite = Suite(
        batch=[not_null(), not_null(row_condition=Column("b") == "never", mostly=0.5)],
        sparse=("a",),
    )
    judgement = judge(suite, frame, task(frame))
    assert judgement.verdict == "PASS"
    assert [r["tested"] for r in judgement.results["expectations"]] == [1, 0]


@pytest.mark.parametrize("rows_in", [0, 4])
def test_only_a_file_without_records_counts_as_empty(rows_in: int) -> None:
    """Four records that were all rejected leave no rows either, and are no holiday."""
    frame = rows()
    made = task(frame, allow_empty=True, delivery={"rows_in": rows_in})
    judgement = judge(Suite(batch=[not_null()]), frame, made)
    assert judgement.verdict == ("FAIL" if rows_in else "PASS")
    assert judgement.results.get("is_empty_as_allowed", False) is not bool(rows_in)


def test_results_hold_counts_and_limits_and_no_value_of_a_cell() -> None:
    frame = pd.DataFrame({"a": [CANARY, CANARY, None], "b": [CANARY, "x", "y"]})
    suite = Suite(
        batch=[
            gxe.ExpectColumnValuesToBeInSet(column="a", value_set=["ok"], notes="n"),
            gxe.ExpectColumnValuesToMatchRegex(column="a", regex="^o", notes="n"),
            gxe.ExpectColumnMostCommonValueToBeInSet(
                column="a", value_set=["ok"], notes="n"
            ),
            gxe.ExpectColumnDistinctValuesToBeInSet(
                column="b", value_set=["ok"], notes="n"
            ),
            gxe.ExpectColumnValuesToBeUnique(column="a", notes="n"),
            gxe.ExpectColumnMinToBeBetween(column="a", min_value=0, notes="n"),
            gxe.ExpectColumnMeanToBeBetween(column="b", min_value=0, notes="n"),
            not_null(),
        ]
    )
    judgement = judge(suite, frame, task(frame))
    text = json.dumps(judgement.results, allow_nan=False) + judgement.reason
    assert CANARY not in text
    by_type = {r["type"]: r for r in judgement.results["expectations"]}
    in_set = by_type["expect_column_values_to_be_in_set"]
    assert in_set["element_count"] == 3
    assert in_set["missing_count"] == 1
    assert in_set["unexpected_count"] == in_set["tested"] == 2
    assert in_set["unexpected_percent"] == 100
    assert in_set["allowed"] == {"value_set": ["ok"]}


def test_extremes_are_kept_of_numbers_and_times_only() -> None:
    frame = pd.DataFrame(
        {
            "n": [1.5, 4.0],
            "t": [datetime(2026, 3, 1), datetime(2026, 3, 2)],
            "s": ["1", "2"],
        }
    )
    suite = Suite(
        batch=[
            gxe.ExpectColumnMaxToBeBetween(column="n", max_value=9, notes="n"),
            gxe.ExpectColumnMinToBeBetween(
                column="t", min_value=datetime(2026, 1, 1), notes="n"
            ),
            gxe.ExpectColumnMostCommonValueToBeInSet(
                column="s", value_set=["1"], notes="n"
            ),
            gxe.ExpectColumnUniqueValueCountToBeBetween(
                column="s", min_value=1, notes="n"
            ),
        ]
    )
    records = judge(suite, frame, task(frame)).results["expectations"]
    observed = [record["observed"] for record in records]
    assert observed == [4, "2026-03-01T00:00:00", None, 2]


def test_a_value_of_a_hashed_column_is_never_asked_for() -> None:
    frame = rows("1")
    most_common = gxe.ExpectColumnMostCommonValueToBeInSet(
        column="a", value_set=["1"], notes="n"
    )
    problem = unsuitable(Suite(batch=[most_common]), task(frame, hashed=("a",)))
    assert problem is not None
    assert "hashed column" in problem
    assert unsuitable(Suite(batch=[most_common]), task(frame)) is None


def test_a_suite_that_tests_a_column_outside_the_lake_is_named_before_it_runs() -> None:
    frame = rows("1")
    problem = unsuitable(Suite(batch=[not_null(column="comment")]), task(frame))
    assert problem is not None
    assert "tests comment: not in the lake, which has a, b" in problem


def test_the_share_inside_the_period_knows_local_days_and_instants() -> None:
    """March in Shanghai begins at 16:00 UTC on 28 February."""
    span = (
        datetime(2026, 2, 28, 16, tzinfo=UTC),
        datetime(2026, 3, 31, 16, tzinfo=UTC),
    )
    frame = pd.DataFrame(
        {
            "t": [
                datetime(2026, 2, 28, 15, 59),
                datetime(2026, 2, 28, 16, 0),
                datetime(2026, 3, 31, 15, 59),
                datetime(2026, 3, 31, 16, 0),
            ],
            "d": [
                datetime(2026, 2, 28),
                datetime(2026, 3, 1),
                datetime(2026, 3, 31),
                None,
            ],
        }
    )
    made = task(
        frame,
        days=("d",),
        period=span,
        local_period=(date(2026, 3, 1), date(2026, 4, 1)),
    )
    assert period_share(Suite(period_column="t"), frame, made) == 0.5
    assert period_share(Suite(period_column="d"), frame, made) == pytest.approx(2 / 3)
    without = replace(made, period=None, local_period=None)
    assert period_share(Suite(period_column="t"), frame, without) is None
