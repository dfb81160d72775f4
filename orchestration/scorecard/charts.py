"""Charts as static SVG: Vega-Lite specifications made with Altair, drawn by vl-convert.

Charts carry figures, periods and codes, never words, so that one drawing serves every
language; words stand in the title and the description that each page adds, and in the
table beside the chart. Colours never stand alone: a signal has its shape, what is
provisional is hollow and dashed. Trend scales come from the limits, bars start at 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from orchestration.scorecard.formats import period

IMPROVEMENT = "#0072B2"
CONCERN = "#D55E00"
NEUTRAL = "#6B6B6B"
INK = "#1A1A1A"
GROUND = "#FFFFFF"
BAND = "#ECECEC"

FONT = "'Noto Sans SC', 'Noto Sans CJK SC', system-ui, sans-serif"
MOST_PERIODS = 24

Rows = Sequence[Mapping[str, Any]]


class Charts:
    """Draws each specification once; `picture` makes it readable for everybody."""

    def __init__(self) -> None:
        self._drawn: dict[str, str] = {}

    def picture(self, spec: Mapping[str, Any], title: str, text: str) -> Markup:
        """The drawing with a title and a sentence that says what it shows."""
        key = json.dumps(spec, sort_keys=True, default=str)
        if key not in self._drawn:
            self._drawn[key] = _drawn(key)
        start, _, rest = self._drawn[key].partition(">")
        words = f"<title>{escape(title)}</title><desc>{escape(text)}</desc>"
        return Markup(f"{start}>{words}{rest}")


def _drawn(spec: str) -> str:
    import vl_convert

    return slim(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


# Vega describes every mark for programs and leaves empty boxes; the page says the same
# once, and weighs half.
_DROP = re.compile(
    r' (?:aria-[a-z]+|role|pointer-events|class|xmlns:xlink|version)="[^"]*"'
    r'| (?:opacity="1"|stroke-miterlimit="10"|transform="translate\(0,0\)")'
)
_EMPTY = re.compile(
    r'<path (?:d="(?:M0,0h0v0h0Z)?"|display="none"|\s)*/>|<g(?: [^>]*)?></g>'
)
_LONG = re.compile(r"(\d+\.\d)\d+")


def slim(svg: str) -> str:
    """The same drawing with a tenth of a pixel's accuracy and without ballast."""
    svg = _LONG.sub(r"\1", _DROP.sub("", svg))
    before = ""
    while before != svg:
        before, svg = svg, _EMPTY.sub("", svg)
    while "<g><g>" in svg:
        svg = re.sub(r"<g><g>((?:(?!</?g\b).)*)</g></g>", r"<g>\1</g>", before := svg)
        if svg == before:
            break
    return svg.replace("<svg ", '<svg role="img" ', 1)


# ------------------------------------------------------------------ specifications


def _finished(chart: Any, width: int, height: int) -> dict[str, Any]:
    """The chart's specification, with the frame and fonts of all charts."""
    chart = (
        chart.properties(width=width, height=height, background="transparent")
        .configure(font=FONT, padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            labelFontSize=11,
            domainColor="#BDBDBD",
            tickColor="#BDBDBD",
            gridColor="#EFEFEF",
            titleFontSize=11,
        )
    )
    return chart.to_dict(validate=False)


def trend(rows: Rows, width: int = 420, height: int = 132) -> dict[str, Any] | None:
    """Up to 24 periods of fct_kpi_status, oldest first; None without any value.

    Natural limits as a band around the mean, the target as steps, settled values as a
    line with points, provisional ones hollow and dashed, signals by shape.
    """
    import altair as alt

    rows = rows[-MOST_PERIODS:]
    if all(row["value"] is None for row in rows):
        return None
    points = _trend_points(rows)
    labels = [point["period"] for point in points]
    every = -(-len(labels) // 6)
    step = width / len(labels)
    x = alt.X(
        "period:O",
        sort=None,
        scale=alt.Scale(domain=labels, paddingInner=0, paddingOuter=0),
        axis=alt.Axis(
            title=None,
            labelAngle=0,
            values=labels[(len(labels) - 1) % every :: every],
            ticks=False,
            labelPadding=6,
        ),
    )
    scale = alt.Scale(domain=_span(points, _LEVELS), nice=False, zero=False)

    def y(field: str) -> alt.Y:
        axis = alt.Axis(title=None, tickCount=4, domain=False, ticks=False)
        return alt.Y(f"{field}:Q", scale=scale, axis=axis)

    def those(*marks: str) -> alt.Chart:
        some = [point for point in points if not marks or point["mark"] in marks]
        return alt.Chart(alt.Data(values=some)).encode(x=x)

    def steps(field: str, color: str, thickness: float) -> alt.Chart:
        return (
            those()
            .mark_tick(orient="horizontal", color=color, thickness=thickness, size=step)
            .encode(y=y(field))
        )

    def line(field: str, dash: list[int]) -> alt.Chart:
        return (
            those()
            .mark_line(color=NEUTRAL, strokeWidth=1.5, strokeDash=dash)
            .encode(y=y(field))
        )

    def dots(mark: str, shape: str, fill: str, stroke: str, size: int) -> alt.Chart:
        return (
            those(mark)
            .mark_point(
                shape=shape,
                fill=fill,
                stroke=stroke,
                strokeWidth=1.4,
                size=size,
                opacity=1,
            )
            .encode(y=y("value"))
        )

    band = those().mark_bar(color=BAND, size=step)
    return _finished(
        alt.layer(
            band.encode(y=y("limit_low"), y2="limit_high"),
            steps("mean", "#9A9A9A", 1),
            steps("target_min", INK, 1.6),
            steps("target_max", INK, 1.6),
            line("settled", [1, 0]),
            line("unsettled", [4, 3]),
            dots("settled", "circle", NEUTRAL, NEUTRAL, 22),
            dots("provisional", "circle", GROUND, NEUTRAL, 34),
            dots("improving", "triangle-up", IMPROVEMENT, IMPROVEMENT, 60),
            dots("concerning", "diamond", CONCERN, CONCERN, 70),
        ),
        width,
        height,
    )


_LEVELS = ("value", "mean", "limit_low", "limit_high", "target_min", "target_max")


def _trend_points(rows: Rows) -> list[dict[str, Any]]:
    points = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        signal = row["variation"] if row["is_x1"] or row["is_x2"] else None
        mark = signal if signal in ("improving", "concerning") else "settled"
        # The dashed line starts at the last settled point.
        dashed = not row["is_final"] or (following and not following["is_final"])
        points.append(
            {
                "period": period(row["period_grain"], row["period_start"]),
                "mark": mark if row["is_final"] else "provisional",
                **{name: row[name] for name in _LEVELS},
                "settled": row["value"] if row["is_final"] else None,
                "unsettled": row["value"] if dashed else None,
            }
        )
    return points


def bullet(
    row: Mapping[str, Any], width: int = 260, height: int = 22
) -> dict[str, Any] | None:
    """One row of fct_kpi_status against floor, target and stretch; None without value.

    Grey from the floor to the target, darker on the wrong side; the target is the black
    tick, the stretch a thin one, the value a dot: the scale does not start at 0.
    """
    import altair as alt

    targets = [row[key] for key in ("target_min", "target_max") if row[key] is not None]
    if row["value"] is None or not targets:
        return None
    names = ("value", "floor", "stretch", "target_min", "target_max")
    low, high = _span([row], names, room=0.08)
    better_is_less = row["target_min"] is None
    data = alt.Chart(alt.Data(values=[{**{n: row[n] for n in names}}]))
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    axis = alt.Axis(title=None, tickCount=4, grid=False, ticks=False, domain=False)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=axis)

    def zone(start: float, end: float, color: str) -> alt.Chart:
        return (
            alt.Chart(alt.Data(values=[{"start": start, "end": end}]))
            .mark_bar(color=color, height=height * 0.55)
            .encode(x=x("start"), x2="end")
        )

    def tick(field: str, thickness: float, share: float) -> alt.Chart:
        return data.mark_tick(
            orient="vertical", color=INK, thickness=thickness, size=height * share
        ).encode(x=x(field))

    target = targets[0]
    layers = [zone(low, high, BAND)]
    if row["target_min"] is None or row["target_max"] is None:
        wrong = (target, high) if better_is_less else (low, target)
        layers.append(zone(*wrong, "#CFCFCF"))
    layers += [tick(f, 2.4, 0.95) for f in ("target_min", "target_max") if row[f]]
    layers += [tick(f, 1, 0.55) for f in ("floor", "stretch") if row[f] is not None]
    color = {"on_target": IMPROVEMENT, "alarm": CONCERN, "warning": CONCERN}
    fill = color.get(row["status"], NEUTRAL)
    layers.append(
        data.mark_point(
            shape="circle" if row["status"] == "on_target" else "diamond",
            fill=fill if row["is_final"] else GROUND,
            stroke=fill,
            strokeWidth=1.8,
            size=80,
            opacity=1,
        ).encode(x=x("value"))
    )
    return _finished(alt.layer(*layers), width, height)


def distribution(
    bins: Rows, marks: Sequence[float] = (), width: int = 420, height: int = 120
) -> dict[str, Any] | None:
    """Bars over `low` … `high` with `n`, from 0; `marks` are upright lines."""
    import altair as alt

    if not bins:
        return None
    axis = alt.Axis(title=None, grid=False, tickCount=6)
    scale = alt.Scale(nice=False, zero=False)
    bars = (
        alt.Chart(alt.Data(values=[dict(row) for row in bins]))
        .mark_bar(color=NEUTRAL, stroke=GROUND, strokeWidth=0.5)
        .encode(
            x=alt.X("low:Q", scale=scale, axis=axis),
            x2="high",
            y=alt.Y("n:Q", axis=alt.Axis(title=None, tickCount=3, domain=False)),
            y2=alt.datum(0),
        )
    )
    rules = (
        alt.Chart(alt.Data(values=[{"at": mark} for mark in marks]))
        .mark_rule(color=INK, strokeWidth=1.6)
        .encode(x=alt.X("at:Q", scale=scale, axis=axis))
    )
    return _finished(alt.layer(bars, rules), width, height)


def time_line(
    spans: Rows, first: str, last: str, width: int = 560
) -> dict[str, Any] | None:
    """One row per `label`: a bar from `start` to `end`, ISO dates; None without any.

    `kind` is open (orange, with a diamond at its onset), closed (grey) or marker, an
    upright tick on `start`. A span without `end` lasts until `last`.
    """
    import altair as alt

    if not spans:
        return None
    data = [{**row, "end": row.get("end") or last} for row in spans]
    labels = list(dict.fromkeys(row["label"] for row in data))
    axis = alt.Axis(title=None, format="%Y-%m", tickCount=6, ticks=False)
    scale = alt.Scale(domain=[first, last], nice=False)
    y = alt.Y(
        "label:N",
        sort=None,
        scale=alt.Scale(domain=labels),
        axis=alt.Axis(title=None, domain=False, ticks=False, labelLimit=200),
    )

    def those(kind: str) -> alt.Chart:
        some = [row for row in data if row["kind"] == kind]
        return alt.Chart(alt.Data(values=some)).encode(
            x=alt.X("start:T", scale=scale, axis=axis), y=y
        )

    return _finished(
        alt.layer(
            those("closed").mark_bar(color="#BDBDBD", height=9).encode(x2="end"),
            those("open").mark_bar(color=CONCERN, height=9).encode(x2="end"),
            those("open").mark_point(
                shape="diamond", fill=CONCERN, stroke=CONCERN, size=70, opacity=1
            ),
            those("marker").mark_tick(color=INK, thickness=2.4, size=20),
        ),
        width,
        26 * len(labels),
    )


def _span(
    rows: Iterable[Mapping[str, Any]], names: Iterable[str], room: float = 0.06
) -> list[float]:
    """From the least to the greatest of these values, with some room around."""
    names = tuple(names)
    values = [row[name] for row in rows for name in names if row[name] is not None]
    low, high = min(values), max(values)
    pad = room * (high - low) or abs(high) * room or 1.0
    return [low - pad, high + pad]
