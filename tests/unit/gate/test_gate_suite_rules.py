"""What a suite must be, how it is found, and when its hash changes."""

from __future__ import annotations

import sys
from pathlib import Path

import great_expectations.expectations as gxe
import pytest
from great_expectations.expectations.row_conditions import Column

from orchestration.suites import Suite, SuiteError, load_suite, needed_columns


def not_null(column: str = "a", **more: object) -> gxe.Expectation:
    options = {"notes": "Orders would vanish.", "severity": "critical", **more}
    return gxe.ExpectColumnValuesToNotBeNull(column=column, **options)


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        (lambda: not_null(notes=None), "has no notes"),
        (lambda: not_null(notes="  "), "has no notes"),
        (lambda: not_null(severity="info"), "critical, warning"),
        (lambda: not_null(row_condition="a > 3"), "as text"),
        (
            lambda: gxe.ExpectColumnQuantileValuesToBeBetween(
                column="a",
                quantile_ranges={"quantiles": [0.5], "value_ranges": [[0, 1]]},
                notes="n",
            ),
            "judge a share instead",
        ),
    ],
)
def test_an_expectation_that_is_not_sound_is_refused(expectation, words) -> None:
    with pytest.raises(SuiteError, match=words):
        Suite(batch=[expectation()])


def test_a_delivery_expectation_tests_figures_of_a_delivery_only() -> None:
    with pytest.raises(SuiteError, match="amount, which a delivery does not have"):
        Suite(delivery=[not_null("amount")])


def test_the_same_expectation_twice_is_refused() -> None:
    with pytest.raises(SuiteError, match="twice"):
        Suite(batch=[not_null(), not_null(notes="Other words.", severity="warning")])


def test_columns_of_conditions_and_pairs_are_read_too() -> None:
    condition = Column("b").is_null() & (Column("c") == "x")
    assert needed_columns(not_null("a", row_condition=condition)) == ("a", "b", "c")
    pair = gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="a", column_B="d")
    assert needed_columns(pair) == ("a", "d")
    suite = Suite(batch=[not_null("a", row_condition=condition)], period_column="t")
    assert suite.columns == ("a", "b", "c", "t")


def test_the_hash_follows_what_is_judged_and_nothing_else() -> None:
    first = Suite(batch=[not_null("a"), not_null("b", mostly=0.9)])
    reordered = Suite(batch=[not_null("b", mostly=0.9), not_null("a", notes="Else.")])
    assert first.suite_hash == reordered.suite_hash
    changed = [
        Suite(batch=[not_null("a"), not_null("b", mostly=0.8)]),
        Suite(batch=[not_null("a"), not_null("b", mostly=0.9, severity="warning")]),
        Suite(batch=[not_null("a")]),
        Suite(batch=[not_null("a"), not_null("b", mostly=0.9)], sparse=("a",)),
        Suite(batch=[not_null("a"), not_null("b", mostly=0.9)], period_column="t"),
    ]
    hashes = {suite.suite_hash for suite in changed}
    assert len(hashes) == len(changed)
    assert first.suite_hash not in hashes


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `expectations` package of the test's own."""
    folder = tmp_path / "expectations"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "expectations"]:
        monkeypatch.delitem(sys.modules, name)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "expectations"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, r"Write `def cases\(\) -> Suite:` in expectations/shop.py"),
        ("", r"Write `def cases\(\) -> Suite:` in expectations/shop.py"),
        ("import not_installed_anywhere", "imports not_installed_anywhere"),
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
        ("def cases():\n    return [].pop()", r"cases\(\) in .* fails: IndexError"),
        ("def cases():\n    return []", "returns list, not a Suite"),
    ],
)
def test_a_missing_or_broken_suite_says_what_to_write_and_where(
    room: Path, text: str | None, words: str
) -> None:
    if text is not None:
        (room / "shop.py").write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError, match=words):
        load_suite("shop.cases")
