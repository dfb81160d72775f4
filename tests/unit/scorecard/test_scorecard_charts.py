"""What a chart must show, seen in its SVG."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest

from orchestration.scorecard import charts
from orchestration.scorecard.charts import CONCERN, GROUND, IMPROVEMENT, INK, Charts
from orchestration.scorecard.svg import slim


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
    return charts.drawn(json.dumps(spec, default=str))


def test_a_picture_says_what_it_shows_and_escapes_it() -> None:
    board = Charts()
    spec = charts.trend([row(1, 100), row(2, 101)])
    svg = board.placed(board.picture(spec, "<b>Title</b>", "Less & less."))
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
        svg = drawn(spec)
        assert not re.search(r"<script|style=|<style|\bid=|href|http|url\(", svg)


def test_an_equal_drawing_is_made_once_and_put_where_it_was_asked_for() -> None:
    board = Charts()
    first, second = charts.trend([row(1, 100)]), charts.bullet(row(1, 100))
    page = " | ".join(
        board.picture(spec, words, words)
        for spec, words in ((first, "1st"), (second, "2nd"), (first, "3rd"))
    )
    one, two, three = board.placed(page).split(" | ")
    assert three == one.replace("1st", "3rd") != two
    assert two == drawn(second).replace(">", "><title>2nd</title><desc>2nd</desc>", 1)


def test_a_chart_that_cannot_be_drawn_says_why() -> None:
    board = Charts()
    page = board.picture({"form": "pie"}, "a", "a")
    with pytest.raises(RuntimeError, match="not drawn"):
        board.placed(page)


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
    points = charts.trend(rows)["data"]["points"]
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
        for one in charts.trend(rows)["data"]["levels"]
        if one["color"] == INK
    ]
    assert steps == [(0, 1, 97.0), (1, 3, 99.0)]


def test_periods_without_limits_leave_the_band_open() -> None:
    none = {"limit_low": None, "limit_high": None, "mean": None}
    rows = [row(1, 100), row(2, 100, **none), row(3, 100)]
    limits = charts.trend(rows)["data"]["limits"]
    assert [(one["start"], one["end"]) for one in limits] == [(0, 1), (2, 3)]


def test_the_last_24_periods_are_shown_and_the_last_is_named() -> None:
    rows = [
        {**row(1, 100), "period_start": date(2023 + n // 12, n % 12 + 1, 1)}
        for n in range(30)
    ]
    spec = charts.trend(rows)
    assert len(spec["data"]["points"]) == 24
    svg = drawn(spec)
    assert ">2025-06<" in svg
    assert ">2023-06<" not in svg


def test_a_chart_compiled_once_is_drawn_like_one_compiled_by_itself() -> None:
    import vl_convert

    spec = charts.trend([row(1, 100), row(2, 101, is_final=False)])
    alone = vl_convert.vegalite_to_svg(
        {
            **charts.FORMS[spec["form"]](),
            "datasets": spec["data"],
            "params": [{"name": n, "value": v} for n, v in spec["figures"].items()],
            "width": spec["width"],
            "height": spec["height"],
        }
    )
    assert drawn(spec) == slim(alone)


@pytest.mark.parametrize(
    ("drawing", "lean"),
    [
        # Places keep a tenth; texts, their digits too, are left alone.
        (
            '<text x="1.98765" class="a" font-family="b">4.2567</text>',
            '<text x="2">4.2567</text>',
        ),
        # What nobody sees is left out.
        (
            '<g><g/><path d="M0,0h9v9h-9Z"/></g><path d="" fill="#111111"/>'
            '<rect width="9" height="9" fill="#111111" display="none"/><text>a</text>',
            "<text>a</text>",
        ),
        # Marks are drawn where they were moved to, and a group says once what all say.
        (
            '<g transform="translate(0.5,0.5)"><line transform="translate(0,7)" x2="9"'
            ' y2="0" stroke="#111111"/><line transform="translate(0,8)" x2="9" y2="0"'
            ' stroke="#111111"/></g>',
            '<g transform="translate(0.5,0.5)" stroke="#111111">'
            '<path d="M0,7h9M0,8h9"/></g>',
        ),
        (
            '<path transform="translate(5,6)" fill="#111111"'
            ' d="M2.5,0A2.5,2.5,0,1,1,-2.5,0A2.5,2.5,0,1,1,2.5,0"/>',
            '<circle cx="5" cy="6" r="2.5" fill="#111111"/>',
        ),
        (
            '<text transform="translate(-2,15.5)" fill="#111111">a &amp; b</text>',
            '<text x="-2" y="15.5" fill="#111111">a &amp; b</text>',
        ),
    ],
)
def test_a_lean_drawing_shows_the_same(drawing: str, lean: str) -> None:
    found = slim(f'<svg xmlns="http://www.w3.org/2000/svg" fill="none">{drawing}</svg>')
    assert found == f'<svg role="img" fill="none">{lean}</svg>'


def test_a_bullet_shows_whether_the_target_is_met() -> None:
    met = drawn(charts.bullet(row(1, 100)))
    assert f'fill="{IMPROVEMENT}"' in met
    missed = drawn(charts.bullet(row(1, 90, status="alarm")))
    assert f'fill="{CONCERN}"' in missed
    open_still = drawn(charts.bullet(row(1, 90, status="alarm", is_final=False)))
    assert f'fill="{CONCERN}"' not in open_still
    assert f'stroke="{CONCERN}"' in open_still
