"""What a chart must show, seen in its SVG."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from orchestration.scorecard import charts
from orchestration.scorecard.charts import CONCERN, GROUND, IMPROVEMENT, INK, Charts


def row(month: int, value: float | None, **more: Any) -> dict[str, Any]:
    """A row of fct_kpi_status: settled, with limits 95 to 105 and the target 97."""
    return {
        "period_grain": "month",
        "period_start": date(2026, month, 1),
        "value": value,
        "is_final": True,
        "variation": "common",
        "is_x1": False,
        "is_x2": False,
        "status": "on_target",
        "mean": 100.0,
        "limit_low": 95.0,
        "limit_high": 105.0,
        "target_min": 97.0,
        "target_max": None,
        "floor": None,
        "stretch": None,
        **more,
    }


def drawn(spec: dict[str, Any] | None) -> str:
    assert spec is not None
    return str(Charts().picture(spec, "A title", "A sentence."))


def test_a_picture_says_what_it_shows_and_escapes_it() -> None:
    svg = Charts().picture(
        charts.trend([row(1, 100), row(2, 101)]), "<b>Title</b>", "Less & less."
    )
    assert svg.startswith('<svg role="img"')
    assert "<title>&lt;b&gt;Title&lt;/b&gt;</title><desc>Less &amp; less.</desc>" in svg


def test_a_drawing_asks_for_nothing_and_styles_nothing() -> None:
    """No script, no style, no id that two charts of a page would share, no host."""
    for spec in (
        charts.trend([row(1, 100), row(2, 101)]),
        charts.bullet(row(1, 100)),
        charts.distribution([{"low": 0, "high": 1, "n": 3}], [0.5]),
        charts.time_line(
            [{"label": "a", "start": "2026-01-03", "kind": "open"}],
            "2026-01-01",
            "2026-06-30",
        ),
    ):
        svg = drawn(spec).replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"<script|style=|<style|\bid=|href|http|url\(", svg)


def test_an_equal_drawing_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(charts, "_drawn", lambda spec: made.append(spec) or "<svg >")
    board = Charts()
    for words in ("one", "two"):
        board.picture(charts.trend([row(1, 100)]), words, words)
    assert len(made) == 1


def test_without_a_value_there_is_no_chart() -> None:
    assert charts.trend([]) is None
    assert charts.trend([row(1, None), row(2, None)]) is None
    assert charts.bullet(row(1, None)) is None
    assert charts.bullet(row(1, 100, target_min=None)) is None
    assert charts.distribution([]) is None
    assert charts.time_line([], "2026-01-01", "2026-06-30") is None


def test_a_provisional_value_is_hollow_and_its_line_dashed() -> None:
    settled = drawn(charts.trend([row(1, 100), row(2, 101)]))
    assert f'fill="{GROUND}"' not in settled
    svg = drawn(charts.trend([row(1, 100), row(2, 101), row(3, 99, is_final=False)]))
    assert svg.count(f'fill="{GROUND}"') == 1
    assert svg.count('stroke-dasharray="4,3"') == 1


def test_the_dashed_line_starts_at_the_last_settled_point() -> None:
    rows = [row(1, 100), row(2, 101), row(3, 99, is_final=False)]
    points = charts.trend(rows)["datasets"]["points"]
    assert [one["settled"] for one in points] == [100, 101, None]
    assert [one["unsettled"] for one in points] == [None, 101, 99]


def test_a_signal_has_a_shape_and_a_colour() -> None:
    """Better: a blue triangle; worse: an orange diamond; X3 alone is no signal."""
    rows = [
        row(1, 100),
        row(2, 110, variation="improving", is_x1=True),
        row(3, 90, variation="concerning", is_x2=True),
        row(4, 104, variation="common"),
    ]
    svg = drawn(charts.trend(rows))
    assert svg.count(f'fill="{IMPROVEMENT}"') == 1
    assert svg.count(f'fill="{CONCERN}"') == 1


def test_a_target_that_changes_is_drawn_in_steps() -> None:
    rows = [row(1, 100), row(2, 100, target_min=99.0), row(3, 100, target_min=99.0)]
    steps = [
        (one["start"], one["end"], one["low"])
        for one in charts.trend(rows)["datasets"]["levels"]
        if one["color"] == INK
    ]
    assert steps == [(0, 1, 97.0), (1, 3, 99.0)]


def test_periods_without_limits_leave_the_band_open() -> None:
    none = {"limit_low": None, "limit_high": None, "mean": None}
    rows = [row(1, 100), row(2, 100, **none), row(3, 100)]
    limits = charts.trend(rows)["datasets"]["limits"]
    assert [(one["start"], one["end"]) for one in limits] == [(0, 1), (2, 3)]


def test_the_last_24_periods_are_shown_and_the_last_is_named() -> None:
    rows = [
        {**row(1, 100), "period_start": date(2023 + n // 12, n % 12 + 1, 1)}
        for n in range(30)
    ]
    spec = charts.trend(rows)
    assert len(spec["datasets"]["points"]) == 24
    svg = drawn(spec)
    assert ">2025-06<" in svg
    assert ">2023-06<" not in svg


def test_slimming_leaves_texts_alone() -> None:
    svg = '<svg width="10.123456"><text x="1.98765" class="a">4.2567</text></svg>'
    assert charts.slim(svg) == (
        '<svg role="img" width="10.1"><text x="1.9">4.2567</text></svg>'
    )


def test_a_bullet_shows_whether_the_target_is_met() -> None:
    met = drawn(charts.bullet(row(1, 100)))
    assert f'fill="{IMPROVEMENT}"' in met
    missed = drawn(charts.bullet(row(1, 90, status="alarm")))
    assert f'fill="{CONCERN}"' in missed
    open_still = drawn(charts.bullet(row(1, 90, status="alarm", is_final=False)))
    assert f'fill="{CONCERN}"' not in open_still
    assert f'stroke="{CONCERN}"' in open_still
