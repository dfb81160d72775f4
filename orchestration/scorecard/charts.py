"""Charts as static SVG: Vega-Lite specifications made with Altair, drawn by vl-convert.

Charts carry figures, periods and codes, never words, so that one drawing serves every
language; words stand in the title and the description that each page adds, and in the
table beside the chart. Colours never stand alone: a signal has its shape, what is
provisional is hollow and dashed. Trend scales come from the limits, bars start at 0.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Any

from markupsafe import Markup, escape

from orchestration.scorecard.formats import period
from orchestration.scorecard.process_map import wrapped
from orchestration.scorecard.svg import slim

IMPROVEMENT = "#0072B2"
CONCERN = "#D55E00"
NEUTRAL = "#6B6B6B"
INK = "#1A1A1A"
GROUND = "#FFFFFF"
BAND = "#ECECEC"
WRONG = "#CFCFCF"

# Texts are measured with it, four times as fast as with a Chinese font; the page then
# sets its own.
FONT = "sans-serif"
MOST_PERIODS = 24
LABEL_SIZE = 11
LABEL_ROOM = 220

Rows = Sequence[Mapping[str, Any]]


class Charts:
    """Draws each chart once, in a process of its own while the pages are written.

    `picture` leaves a place for a drawing and makes it readable for everybody; when all
    are asked for, `placed` puts the drawings where they belong. Drawing needs a
    JavaScript engine, takes half of the time of a site, and lets nothing run beside it.
    """

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}
        self._drawn: list[str] = []
        self._answers = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this)
        self._artist: subprocess.Popen[bytes] | None = None

    def picture(self, spec: Mapping[str, Any], title: str, text: str) -> Markup:
        """The place of a drawing, with a title and a sentence on what it shows."""
        key = json.dumps(spec, sort_keys=True, default=str)
        if key not in self._asked:
            self._asked[key] = len(self._asked)
            self._ask(key)
        words = f"<title>{escape(title)}</title><desc>{escape(text)}</desc>"
        return Markup(f"{_PLACE}{self._asked[key]}{_PLACE}{words}{_PLACE}")

    def placed(self, page: str) -> str:
        """The page with its drawings; nothing may be asked for any more."""
        if self._artist is not None:
            self._drawn = self._collected(self._artist)
            self._artist = None

        def picture(found: re.Match[str]) -> str:
            start, _, rest = self._drawn[int(found[1])].partition(">")
            return f"{start}>{found[2]}{rest}"

        return _PICTURE.sub(picture, page)

    def _ask(self, key: str) -> None:
        if self._artist is None:
            self._artist = subprocess.Popen(
                [sys.executable, "-m", "orchestration.scorecard.charts"],
                stdin=subprocess.PIPE,
                stdout=self._answers,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        with suppress(BrokenPipeError):  # `_collected` says why it ended
            self._artist.stdin.write(key.encode() + b"\n")

    def _collected(self, artist: subprocess.Popen[bytes]) -> list[str]:
        with suppress(BrokenPipeError):
            _, said = artist.communicate()
        if artist.returncode:
            raise RuntimeError(f"Charts were not drawn: {said.decode()[-2000:]}")
        self._answers.seek(0)
        return [json.loads(line) for line in self._answers]


# Marks the places of drawings: no text can contain it, XML does not allow it.
_PLACE = "\0"
_PICTURE = re.compile(f"{_PLACE}(\\d+){_PLACE}([^{_PLACE}]*){_PLACE}")


def main() -> None:
    """Draw what comes in, one chart a line, until nobody asks any more."""
    for key in sys.stdin:
        print(json.dumps(drawn(key)))


def drawn(spec: str) -> str:
    """The SVG of one chart, from the JSON of what this module's functions give."""
    import vl_convert

    chart = json.loads(spec)
    form = _compiled(chart["form"], tuple(chart["data"]), tuple(chart["figures"]))
    return slim(
        vl_convert.vega_to_svg(
            {
                **form,
                "width": chart["width"],
                "height": chart["height"],
                "data": [
                    {**one, "values": chart["data"][one["name"]]}
                    if one["name"] in chart["data"]
                    else one
                    for one in form["data"]
                ],
                "signals": [
                    {"name": name, "value": value}
                    for name, value in chart["figures"].items()
                ],
            },
            allowed_base_urls=[],
        )
    )


@cache
def _compiled(
    form: str, data: tuple[str, ...], figures: tuple[str, ...]
) -> dict[str, Any]:
    """The Vega program of a kind of chart, to be filled with data and figures."""
    import vl_convert

    return vl_convert.vegalite_to_vega(
        {
            **FORMS[form](),
            # Without a size bands would get one of their own.
            "width": 1,
            "height": 1,
            "datasets": {name: [] for name in data},
            "params": [{"name": name, "value": None} for name in figures],
        }
    )


# ------------------------------------------------------------------ specifications
#
# Altair builds each kind of chart once, its figures left to parameters and named data,
# and Vega-Lite compiles it once: a site has hundreds of charts of few kinds.


def _filled(
    form: str,
    data: Mapping[str, Rows],
    width: int,
    height: int,
    **figures: Any,
) -> dict[str, Any]:
    """One chart: a kind of `FORMS` with its data and figures."""
    return {
        "form": form,
        "data": {name: [dict(row) for row in rows] for name, rows in data.items()},
        "figures": figures,
        "width": width,
        "height": height,
    }


def _shape(chart: Any) -> dict[str, Any]:
    """A chart without figures, with the frame and fonts of all charts."""
    return (
        chart.properties(background="transparent")
        .configure(font=FONT, padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            labelFontSize=11,
            domainColor="#BDBDBD",
            tickColor="#BDBDBD",
            gridColor="#EFEFEF",
        )
        .to_dict(validate=False)
    )


def _rows(name: str = "rows") -> Any:
    import altair as alt

    return alt.Chart(alt.NamedData(name))


def _between(low: str, high: str) -> list[Any]:
    """The domain between two parameters."""
    import altair as alt

    return [alt.ExprRef(low), alt.ExprRef(high)]


def _span(
    rows: Iterable[Mapping[str, Any]], names: Sequence[str], room: float = 0.06
) -> list[float]:
    """From the least to the greatest of these values, with some room around."""
    values = [row[name] for row in rows for name in names if row[name] is not None]
    low, high = min(values), max(values)
    pad = room * (high - low) or abs(high) * room or 1.0
    return [low - pad, high + pad]


def trend(
    rows: Rows, width: int = 322, height: int = 118, bare: bool = False
) -> dict[str, Any] | None:
    """Up to 24 periods of fct_kpi_status, oldest first; None without any value.

    Natural limits as a band around the mean, the target as steps, settled values as a
    line with points, provisional ones hollow and dashed, signals by shape. A `bare` one
    has no axes.
    """
    rows = rows[-MOST_PERIODS:]
    if all(row["value"] is None for row in rows):
        return None
    points = _trend_points(rows)
    every = -(-len(points) // 5)
    low, high = _span(rows, _LEVELS)
    return _filled(
        "bare_trend" if bare else "trend",
        {
            "points": points,
            "limits": _runs(rows, "limit_low", "limit_high"),
            "levels": [
                {**run, "color": color, "width": thickness}
                for name, color, thickness in _STEPS
                for run in _runs(rows, name)
            ],
        },
        width,
        height,
        low=low,
        high=high,
        count=len(rows),
        names=[period(row["period_grain"], row["period_start"]) for row in rows],
        # The last period always has its name.
        named=[one["at"] for one in points[(len(points) - 1) % every :: every]],
    )


_LEVELS = ("value", "mean", "limit_low", "limit_high", "target_min", "target_max")
_LIMITS = ("limit_low", "limit_high")
_STEPS = (("mean", "#9A9A9A", 1), ("target_min", INK, 1.6), ("target_max", INK, 1.6))


def _runs(rows: Rows, *names: str) -> list[dict[str, Any]]:
    """Stretches of periods over which these columns stay the same, NULL left out."""
    runs: list[dict[str, Any]] = []
    for at, row in enumerate(rows):
        levels = [row[name] for name in names]
        if None in levels:
            continue
        last = runs[-1] if runs else None
        if (
            last
            and last["end"] == at
            and [last["low"], last["high"]]
            == [
                levels[0],
                levels[-1],
            ]
        ):
            last["end"] = at + 1
        else:
            runs.append(
                {"start": at, "end": at + 1, "low": levels[0], "high": levels[-1]}
            )
    return runs


def _trend_points(rows: Rows) -> list[dict[str, Any]]:
    points = []
    for at, row in enumerate(rows):
        following = rows[at + 1] if at + 1 < len(rows) else None
        signal = row["variation"] if row["is_x1"] or row["is_x2"] else None
        mark = signal if signal in ("improving", "concerning") else "settled"
        # The dashed line starts at the last settled point.
        dashed = not row["is_final"] or (following and not following["is_final"])
        points.append(
            {
                "at": at + 0.5,
                "value": row["value"],
                "mark": mark if row["is_final"] else "provisional",
                "settled": row["value"] if row["is_final"] else None,
                "unsettled": row["value"] if dashed else None,
            }
        )
    return points


def _trend_shape(bare: bool) -> dict[str, Any]:
    import altair as alt

    across = alt.Scale(domain=_between("0", "count"), nice=False, zero=False)
    up = alt.Scale(domain=_between("low", "high"), nice=False, zero=False)
    periods = alt.Axis(
        title=None,
        values=alt.ExprRef("named"),
        labelExpr="names[floor(datum.value)]",
        grid=False,
        ticks=False,
        labelPadding=6,
    )
    figures = alt.Axis(title=None, tickCount=4, domain=False, ticks=False)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=across, axis=None if bare else periods)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=up, axis=None if bare else figures)

    points = _rows("points").encode(x=x("at"))

    def line(field: str, dash: list[int]) -> alt.Chart:
        mark = points.mark_line(color=NEUTRAL, strokeWidth=1.5, strokeDash=dash)
        return mark.encode(y=y(field))

    def dots(mark: str, shape: str, fill: str, stroke: str, size: int) -> alt.Chart:
        return (
            points.transform_filter(f"datum.mark == '{mark}'")
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

    return _shape(
        alt.layer(
            _rows("limits")
            .mark_rect(color=BAND)
            .encode(x=x("start"), x2="end", y=y("low"), y2="high"),
            _rows("levels")
            .mark_rule()
            .encode(
                x=x("start"),
                x2="end",
                y=y("low"),
                color=alt.Color("color:N", scale=None),
                strokeWidth=alt.StrokeWidth("width:Q", scale=None),
            ),
            line("settled", [1, 0]),
            line("unsettled", [4, 3]),
            dots("settled", "circle", NEUTRAL, NEUTRAL, 22),
            dots("provisional", "circle", GROUND, NEUTRAL, 34),
            dots("improving", "triangle-up", IMPROVEMENT, IMPROVEMENT, 60),
            dots("concerning", "diamond", CONCERN, CONCERN, 70),
        )
    )


def bullet(
    row: Mapping[str, Any],
    settled: Mapping[str, Any] | None = None,
    width: int = 260,
    height: int = 22,
) -> dict[str, Any] | None:
    """One row of fct_kpi_status against its target; None without value or target.

    Dark grey is the wrong side of the target, the thick tick; floor and stretch are
    thin ticks. The value is a dot, not a bar: the scale comes from the natural limits
    of the row `settled`, so that a small miss looks small.
    """
    low, high = row["target_min"], row["target_max"]
    if row["value"] is None or (low is None and high is None):
        return None
    names = ("value", "floor", "stretch", "target_min", "target_max")
    known = {**row, **{name: (settled or {}).get(name) for name in _LIMITS}}
    start, end = _span([known], (*names, *_LIMITS), room=0.08)
    zones = [{"start": start, "end": end, "color": BAND}]
    if low is not None:
        zones.append({"start": start, "end": low, "color": WRONG})
    if high is not None:
        zones.append({"start": high, "end": end, "color": WRONG})
    color = {"on_target": IMPROVEMENT, "alarm": CONCERN, "warning": CONCERN}
    stroke = color.get(row["status"], NEUTRAL)
    return _filled(
        "bullet",
        {
            "zones": zones,
            "targets": [{"at": at} for at in (low, high) if at is not None],
            "marks": [
                {"at": at} for at in (row["floor"], row["stretch"]) if at is not None
            ],
            "dots": [{"at": row["value"]}],
        },
        width,
        height,
        low=start,
        high=end,
        sign="diamond" if row["status"] in ("warning", "alarm") else "circle",
        paint=stroke if row["is_final"] else GROUND,
        edge=stroke,
    )


def _bullet_shape() -> dict[str, Any]:
    import altair as alt

    axis = alt.Axis(title=None, tickCount=4, grid=False, ticks=False, domain=False)
    scale = alt.Scale(domain=_between("low", "high"), nice=False, zero=False)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=axis)

    def ticks(name: str, thickness: float, share: float) -> alt.Chart:
        size = alt.ExprRef(f"height * {share}")
        return (
            _rows(name)
            .mark_tick(
                orient="vertical",
                color=INK,
                thickness=thickness,
                size=size,
                opacity=1,
            )
            .encode(x=x("at"))
        )

    return _shape(
        alt.layer(
            _rows("zones")
            .mark_bar(height=alt.ExprRef("height * 0.55"))
            .encode(
                x=x("start"),
                x2="end",
                color=alt.Color("color:N", scale=None),
            ),
            ticks("targets", 2.4, 0.95),
            ticks("marks", 1, 0.55),
            _rows("dots")
            .mark_point(
                shape=alt.ExprRef("sign"),
                fill=alt.ExprRef("paint"),
                stroke=alt.ExprRef("edge"),
                strokeWidth=1.8,
                size=80,
                opacity=1,
            )
            .encode(x=x("at")),
        )
    )


def distribution(
    bins: Rows, marks: Sequence[float] = (), width: int = 420, height: int = 120
) -> dict[str, Any] | None:
    """Bars over `low` … `high` with `n`, from 0; `marks` are upright lines."""
    if not bins:
        return None
    return _filled(
        "distribution",
        {"rows": bins, "marks": [{"at": mark} for mark in marks]},
        width,
        height,
    )


def _distribution_shape() -> dict[str, Any]:
    import altair as alt

    axis = alt.Axis(title=None, grid=False, tickCount=6)
    scale = alt.Scale(nice=False, zero=False)
    return _shape(
        alt.layer(
            _rows()
            .mark_rect(color=NEUTRAL, stroke=GROUND, strokeWidth=0.5)
            .encode(
                x=alt.X("low:Q", scale=scale, axis=axis),
                x2="high",
                y=alt.Y("n:Q", axis=alt.Axis(title=None, tickCount=3, domain=False)),
                y2=alt.datum(0),
            ),
            _rows("marks")
            .mark_rule(color=INK, strokeWidth=1.6)
            .encode(x=alt.X("at:Q", scale=scale, axis=axis)),
        )
    )


def time_line(
    spans: Rows, first: str, last: str, width: int = 560
) -> dict[str, Any] | None:
    """One row per `label`: a bar from `start` to `end`, ISO dates; None without any.

    `kind` is open (orange, with a diamond at its onset), closed (grey) or marker, an
    upright tick on `start` with its `sign` beside it. A span without `end` lasts
    until `last`.
    """
    if not spans:
        return None
    rows = [
        {
            **row,
            "label": wrapped(row["label"], LABEL_ROOM, LABEL_SIZE, 1)[0],
            "end": row.get("end") or last,
        }
        for row in spans
    ]
    labels = list(dict.fromkeys(row["label"] for row in rows))
    return _filled(
        "time_line",
        {"rows": rows},
        width,
        26 * len(labels),
        low=first,
        high=last,
    )


def _time_line_shape() -> dict[str, Any]:
    import altair as alt

    x = alt.X(
        "start:T",
        scale=alt.Scale(domain=_between("toDate(low)", "toDate(high)"), nice=False),
        axis=alt.Axis(title=None, format="%Y-%m", tickCount=6, ticks=False),
    )
    y = alt.Y(
        "label:N",
        sort=None,
        axis=alt.Axis(
            title=None,
            domain=False,
            ticks=False,
            labelLimit=0,
            # The browser's font may be wider than the one drawn with.
            minExtent=LABEL_ROOM + 8,
        ),
    )

    def those(kind: str) -> alt.Chart:
        return _rows().transform_filter(f"datum.kind == '{kind}'").encode(x=x, y=y)

    return _shape(
        alt.layer(
            those("closed").mark_bar(color="#BDBDBD", height=9).encode(x2="end"),
            those("open").mark_bar(color=CONCERN, height=9).encode(x2="end"),
            those("open").mark_point(
                shape="diamond", fill=CONCERN, stroke=CONCERN, size=70, opacity=1
            ),
            those("marker").mark_tick(color=INK, thickness=2.4, size=20, opacity=1),
            those("marker")
            .mark_text(align="left", dx=6, color=INK, fontSize=12)
            .encode(text="sign:N"),
        )
    )


FORMS: dict[str, Callable[[], dict[str, Any]]] = {
    "trend": partial(_trend_shape, bare=False),
    "bare_trend": partial(_trend_shape, bare=True),
    "bullet": _bullet_shape,
    "distribution": _distribution_shape,
    "time_line": _time_line_shape,
}


if __name__ == "__main__":
    main()
