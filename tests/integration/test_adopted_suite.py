"""The suite of an adopted log passes its own file and sees each planted defect.

The log has 40 cases of four steps; thresholds come from it. What may be missing is
twice the upper 99 % Wilson bound of what is: 8 of 160 empty agents, .05, allow .2299.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from orchestration.evaluation import evaluate
from orchestration.judging import weekday_shift
from orchestration.suites import DELIVERY_COLUMNS, Suite, claimed_columns, notes_of
from tests.unit.adopt.conftest import desk  # noqa: F401
from tests.unit.adopt.logs import SAID, Desk, rows, written

DELIVERY = dict.fromkeys(DELIVERY_COLUMNS, 0.0) | {"rows_in": 160.0, "loaded": 160.0}


def log() -> list[list[str]]:
    """The log, in which every twentieth agent is not known; each step took a minute."""
    found = []
    for number, (case, step, at, who) in enumerate(rows()):
        agent = "" if number % 20 == 0 else who
        found.append([case, step, at, agent, f"{at[:14]}00:00"])
    return found


@pytest.fixture
def suite(desk: Desk, tmp_path: Path) -> Suite:  # noqa: F811
    """The suite that the adoption wrote."""
    path = written(
        tmp_path, log(), ("Case ID", "Activity", "Timestamp", "Agent", "Start time")
    )
    # The agent plays two parts: one column is judged once.
    wishes = replace(SAID, start="Start time", resource="Agent", segment="Agent")
    assert desk.adopt(path, wishes) == 0, desk.text
    place = desk.root / "expectations/claims.py"
    spec = importlib.util.spec_from_file_location("claims", place)
    assert spec is not None and spec.loader is not None  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.log()


@pytest.fixture
def frame() -> pd.DataFrame:
    """The rows of the log, as the gate reads them."""
    cells = list(zip(*log(), strict=True))
    return pd.DataFrame(
        {
            "case_id": cells[0],
            "activity": cells[1],
            "occurred_at": utc(cells[2]),
            "resource": [who or None for who in cells[3]],
            "started_at": utc(cells[4]),
        }
    )


def utc(cells: Sequence[str]) -> pd.Series:
    """Local times of the log as the lake holds them."""
    local = pd.to_datetime(pd.Series(cells)).dt.tz_localize("Asia/Shanghai")
    return local.dt.tz_convert("UTC").dt.tz_localize(None)


def failed(suite: Suite, frame: pd.DataFrame, **delivery: float) -> set[str]:
    """Columns and figures of the expectations that do not hold."""
    figures = pd.DataFrame([DELIVERY | delivery])
    outcomes = [*evaluate(suite.batch, frame), *evaluate(suite.delivery, figures)]
    return {
        ", ".join(claimed_columns(one))
        for one, outcome in outcomes
        if not outcome.success
    }


def test_the_suite_passes_the_log_it_was_made_from(
    suite: Suite, frame: pd.DataFrame
) -> None:
    assert failed(suite, frame) == set()


def blank(column: str, share: float) -> Callable[[pd.DataFrame], None]:
    """Empty a share of a column, from the top."""

    def spoil(frame: pd.DataFrame) -> None:
        frame.loc[: int(share * len(frame)) - 1, column] = None

    return spoil


def strange(frame: pd.DataFrame) -> None:
    frame.loc[:9, "activity"] = "a step nobody knows"


def old(frame: pd.DataFrame) -> None:
    frame["occurred_at"] -= pd.Timedelta(days=90)
    frame["started_at"] -= pd.Timedelta(days=90)


def late(frame: pd.DataFrame) -> None:
    frame["started_at"] += pd.Timedelta(days=1)


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (blank("case_id", 0.1), {"case_id"}),
        (blank("activity", 0.1), {"activity"}),
        (blank("occurred_at", 0.1), {"occurred_at"}),
        (blank("resource", 0.19), set()),
        (blank("resource", 0.3), {"resource"}),
        (strange, {"activity"}),
        (old, {"occurred_at"}),
        (late, {"occurred_at, started_at"}),
    ],
)
def test_each_planted_defect_is_seen(
    suite: Suite,
    frame: pd.DataFrame,
    spoil: Callable[[pd.DataFrame], None],
    seen: set[str],
) -> None:
    spoil(frame)
    assert failed(suite, frame) == seen


@pytest.mark.parametrize(
    ("figures", "seen"),
    [
        ({"loaded": 100.0}, {"loaded"}),
        ({"rejected": 40.0, "reject_share": 0.25}, {"reject_share"}),
        ({"weekday_shift": 0.9}, {"weekday_shift"}),
    ],
)
def test_a_cut_or_unreadable_delivery_is_seen(
    suite: Suite, frame: pd.DataFrame, figures: dict[str, float], seen: set[str]
) -> None:
    assert failed(suite, frame, **figures) == seen


def test_rows_are_compared_with_the_usual_ones_of_their_weekday(
    suite: Suite, frame: pd.DataFrame
) -> None:
    """Without its Mondays, a file has their share on other days than usual."""
    assert weekday_shift(suite, frame) == pytest.approx(0, abs=0.001)
    mondays = frame["occurred_at"].dt.day_of_week == 0
    assert 0.1 < mondays.mean() < 0.2
    shifted = weekday_shift(suite, frame[~mondays])
    assert shifted == pytest.approx(mondays.mean(), abs=0.001)
    assert weekday_shift(Suite(), frame) is None


def test_each_expectation_says_what_it_guards_in_both_languages(suite: Suite) -> None:
    for _, expectation in suite.parts():
        english, chinese = notes_of(expectation), notes_of(expectation, "zh")
        assert english.isascii(), english
        assert any("一" <= sign <= "鿿" for sign in chinese), english
