"""Where the steps and paths of a process map lie: a drawing from facts, no page.

Steps that most cases visit stand in one straight row, in their declared order; the
others stand in a row below, near the steps they belong to. A path between neighbours is
a straight line, any other between two steps of a row an arc above it (below it for the
lower row), dashed when it leads back. The same facts give the same drawing.

Here: geometry in the units of the drawing, and nothing about languages or data. Not
here: which facts (`process_view`), and how the drawing is written (its template).
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

STEP_WIDTH = 116
LINE_HEIGHT = 17
COLUMN_GAP = 64
ROW_GAP = 96
LEVEL_HEIGHT = 30
MARGIN = 12
LABEL_SIZE = 12
LABEL_HEIGHT = 18
BADGE_WIDTH = 22
NAME_SIZE = 13
# Longer names are cut in the drawing; the table has them in full.
NAME_LINES = 3
# Paths rarer than this share of the busiest one are left to the table.
RARE_SHARE = 0.02
THINNEST, THICKEST = 1.5, 9.0


@dataclass(frozen=True)
class MapStep:
    """A step as it is to be shown; texts are in the language of the drawing."""

    code: str
    name: str
    signs: str
    facts: tuple[str, ...]
    badge: str | None
    is_main: bool
    is_seen: bool


@dataclass(frozen=True)
class MapPath:
    """A path between two different or equal steps, with how often it was taken."""

    source: str
    target: str
    count: int
    median: str
    tail: str
    bottleneck: int | None
    sentence: str

    @property
    def label(self) -> str:
        return f"{self.median} / {self.tail}"


@dataclass(frozen=True)
class Box:
    """A rectangle, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box) -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True)
class PlacedStep:
    step: MapStep
    box: Box
    name_lines: tuple[str, ...]


@dataclass(frozen=True)
class PlacedPath:
    path: MapPath
    line: str
    head: str
    width: float
    is_back: bool


@dataclass(frozen=True)
class PlacedLabel:
    text: str
    box: Box
    bottleneck: int | None


@dataclass(frozen=True)
class ProcessMap:
    """A drawing of `width` × `height` units."""

    width: int
    height: int
    steps: list[PlacedStep]
    paths: list[PlacedPath]
    labels: list[PlacedLabel]
    left_out: int


def text_width(text: str, size: float) -> float:
    """How wide a text comes out at most, in any of the usual sans-serif fonts."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return size * (wide * 1.02 + (len(text) - wide) * 0.62)


def wrapped(text: str, width: float, size: float, lines: int) -> tuple[str, ...]:
    """The text in lines that fit, the last one ending in … when it does not."""
    done: list[str] = []
    line = ""
    for word in _pieces(text):
        if text_width((line + word).rstrip(), size) <= width:
            line += word
            continue
        if line:
            done.append(line.rstrip())
        line = word.lstrip()
        while text_width(line, size) > width:
            fits = next(
                count
                for count in range(len(line), 0, -1)
                if count == 1 or text_width(line[:count], size) <= width
            )
            done.append(line[:fits])
            line = line[fits:]
    done.append(line.rstrip())
    done = [line for line in done if line] or [""]
    if len(done) <= lines:
        return tuple(done)
    last = done[lines - 1]
    while last and text_width(last + "…", size) > width:
        last = last[:-1]
    return (*done[: lines - 1], last + "…")


def _pieces(text: str) -> Iterable[str]:
    """Words with the space after them; wide signs are pieces of their own."""
    piece = ""
    for sign in text:
        if unicodedata.east_asian_width(sign) in "WF":
            if piece:
                yield piece
            piece = ""
            yield sign
        elif sign == " ":
            yield piece + sign
            piece = ""
        else:
            piece += sign
    if piece:
        yield piece


@dataclass
class _Drawing:
    """The state of one drawing: boxes of steps, and labels placed so far."""

    boxes: dict[str, Box]
    rank: dict[str, int]
    main: list[str]
    side: list[str]
    labels: list[PlacedLabel] = field(default_factory=list)
    paths: list[PlacedPath] = field(default_factory=list)
    most: int = 1

    def label(
        self,
        text: str,
        spots: Sequence[tuple[float, float]],
        bottleneck: int | None = None,
    ) -> None:
        """Put the label at the first spot that is free; none: the table has it."""
        width = text_width(text, LABEL_SIZE) + 6
        if bottleneck is not None:
            width += BADGE_WIDTH
        for x, y in spots:
            box = Box(x - width / 2, y - LABEL_HEIGHT / 2, width, LABEL_HEIGHT)
            taken = [*self.boxes.values(), *(label.box for label in self.labels)]
            if not any(box.overlaps(other) for other in taken):
                self.labels.append(PlacedLabel(text, box, bottleneck))
                return
        if bottleneck is not None:
            self.badge(*spots[0], bottleneck)

    def badge(self, x: float, y: float, bottleneck: int) -> None:
        """The number of a bottleneck alone, which is never left out."""
        box = Box(x - 10, y - LABEL_HEIGHT / 2, 20, LABEL_HEIGHT)
        self.labels.append(PlacedLabel("", box, bottleneck))

    def thickness(self, path: MapPath) -> float:
        share = path.count / self.most
        return round(THINNEST + (THICKEST - THINNEST) * share, 1)

    def draw(self, path: MapPath, line: str, tip: tuple[float, float, str]) -> None:
        """Add a path whose line ends where its head begins."""
        is_back = self.rank[path.source] >= self.rank[path.target]
        width = self.thickness(path)
        self.paths.append(
            PlacedPath(path, line, _head(*tip, _head_size(width)), width, is_back)
        )


def lay_out(steps: Sequence[MapStep], paths: Sequence[MapPath]) -> ProcessMap:
    """The drawing of steps in their declared order, and of the paths between them."""
    shown, left_out = _worth_drawing(steps, paths)
    main = [step.code for step in steps if step.is_main]
    side = [step.code for step in steps if not step.is_main]
    rank = {step.code: place for place, step in enumerate(steps)}
    neighbours = dict.fromkeys(pairwise(main))

    straight = [p for p in shown if (p.source, p.target) in neighbours]
    upper = [
        p for p in shown if p.source in main and p.target in main and p not in straight
    ]
    lower = [p for p in shown if p.source in side and p.target in side]
    between = [p for p in shown if (p.source in main) != (p.target in main)]

    columns = {
        code: MARGIN + place * (STEP_WIDTH + COLUMN_GAP)
        for place, code in enumerate(main)
    }
    columns |= _side_columns(side, between, columns, rank)
    names = {
        step.code: wrapped(step.name, STEP_WIDTH - 16, NAME_SIZE, NAME_LINES)
        for step in steps
    }
    heights = {
        step.code: 18 + LINE_HEIGHT * (len(names[step.code]) + len(step.facts))
        for step in steps
    }
    levels_above = _levels(upper, columns)
    top = MARGIN + LEVEL_HEIGHT * (max(levels_above.values(), default=0)) + 14
    main_height = max((heights[code] for code in main), default=0)
    side_top = top + main_height + ROW_GAP
    side_height = max((heights[code] for code in side), default=0)
    boxes = {
        code: Box(columns[code], top, STEP_WIDTH, main_height) for code in main
    } | {code: Box(columns[code], side_top, STEP_WIDTH, side_height) for code in side}

    drawing = _Drawing(boxes, rank, main, side)
    drawing.most = max((path.count for path in shown), default=1)
    ports = _ports(upper, lower, between, boxes)
    for path in straight:
        _draw_straight(drawing, path)
    for path in upper:
        _draw_arc(drawing, path, ports, top, -1, levels_above[path])
    levels_below = _levels(lower, columns)
    for path in lower:
        _draw_arc(drawing, path, ports, side_top + side_height, 1, levels_below[path])
    for path in sorted(between, key=lambda p: (p.bottleneck is None, -p.count)):
        _draw_between(drawing, path, ports)

    bottom = side_top + side_height if side else top + main_height
    bottom += LEVEL_HEIGHT * max(levels_below.values(), default=0)
    return ProcessMap(
        width=int(max((box.x + box.width for box in boxes.values()), default=0))
        + MARGIN,
        height=int(bottom + MARGIN),
        steps=[PlacedStep(step, boxes[step.code], names[step.code]) for step in steps],
        paths=drawing.paths,
        labels=drawing.labels,
        left_out=left_out,
    )


def _worth_drawing(
    steps: Sequence[MapStep], paths: Sequence[MapPath]
) -> tuple[list[MapPath], int]:
    """Paths between steps of the map without the rare ones, and how many those are.

    The busiest way into and out of each step stays, however rare it is.
    """
    codes = {step.code for step in steps}
    known = sorted(
        (p for p in paths if p.source in codes and p.target in codes),
        key=lambda p: (-p.count, p.source, p.target),
    )
    least = RARE_SHARE * max((path.count for path in known), default=0)
    ways: set[tuple[str, str]] = set()
    kept = []
    for path in known:
        own = {("from", path.source), ("to", path.target)}
        is_first = path.source != path.target and not own <= ways
        if path.count >= least or path.bottleneck is not None or is_first:
            kept.append(path)
        if path.source != path.target:
            ways |= own
    return kept, len(known) - len(kept)


def _side_columns(
    side: Sequence[str],
    between: Sequence[MapPath],
    columns: dict[str, float],
    rank: dict[str, int],
) -> dict[str, float]:
    """Left edges of the lower row: near the steps they exchange work with."""
    last = max(columns.values(), default=MARGIN)
    wanted: dict[str, float] = {}
    for code in side:
        weights: dict[str, int] = defaultdict(int)
        for path in between:
            if path.source == code:
                weights[path.target] += path.count
            elif path.target == code:
                weights[path.source] += path.count
        if weights:
            total = sum(weights.values())
            wanted[code] = sum(columns[c] * n for c, n in weights.items()) / total
        else:
            before = [c for c in columns if rank[c] < rank[code]]
            wanted[code] = columns[before[-1]] if before else MARGIN
    placed: dict[str, float] = {}
    free = float(MARGIN)
    order = sorted(side, key=lambda code: (wanted[code], rank[code]))
    for code in order:
        placed[code] = max(free, wanted[code])
        free = placed[code] + STEP_WIDTH + COLUMN_GAP / 3
    # Pushed beyond the last column: move back as far as there is room.
    limit = max(last, MARGIN + (len(side) - 1) * (STEP_WIDTH + COLUMN_GAP / 3))
    for code in reversed(order):
        placed[code] = min(placed[code], limit)
        limit = placed[code] - STEP_WIDTH - COLUMN_GAP / 3
    return {code: round(x, 1) for code, x in placed.items()}


def _levels(paths: Sequence[MapPath], columns: dict[str, float]) -> dict[MapPath, int]:
    """The height of each arc, counted from 1, so that no two lie on each other."""

    def span(path: MapPath) -> tuple[float, float]:
        ends = sorted((columns[path.source], columns[path.target]))
        middle = sum(ends) / 2
        half = max(
            (ends[1] - ends[0]) / 2 + STEP_WIDTH / 2,
            text_width(path.label, LABEL_SIZE) / 2 + 16,
        )
        return middle - half, middle + half

    taken: list[list[tuple[float, float]]] = []
    levels: dict[MapPath, int] = {}
    for path in sorted(
        paths,
        key=lambda p: (abs(columns[p.source] - columns[p.target]), -p.count),
    ):
        left, right = span(path)
        free = (
            level
            for level, others in enumerate(taken)
            if all(right <= a or left >= b for a, b in others)
        )
        level = next(free, len(taken))
        if level == len(taken):
            taken.append([])
        taken[level].append((left, right))
        levels[path] = level + 1
    return levels


_Ports = dict[tuple[MapPath, str], float]


def _ports(
    upper: Sequence[MapPath],
    lower: Sequence[MapPath],
    between: Sequence[MapPath],
    boxes: dict[str, Box],
) -> _Ports:
    """Where on the edge of its steps each path begins and ends, without crossings."""
    sides: dict[tuple[str, str], list[tuple[float, int, MapPath, str]]] = defaultdict(
        list
    )
    for paths, edges in ((upper, "top"), (lower, "bottom"), (between, "")):
        for path in paths:
            for end, code, other in (
                ("source", path.source, path.target),
                ("target", path.target, path.source),
            ):
                edge = edges or ("bottom" if boxes[code].y < boxes[other].y else "top")
                # A loop of one step leaves on the right and comes back on the left.
                lean = 1 if end == "source" else -1
                sides[code, edge].append((boxes[other].middle, lean, path, end))
    ports: _Ports = {}
    for (code, _), ends in sides.items():
        ends.sort(key=lambda one: (one[0], one[1], one[2].count))
        room = STEP_WIDTH - 28
        for place, (_, _, path, end) in enumerate(ends):
            share = (place + 1) / (len(ends) + 1)
            ports[path, end] = round(boxes[code].x + 14 + room * share, 1)
    return ports


def _draw_straight(drawing: _Drawing, path: MapPath) -> None:
    source, target = drawing.boxes[path.source], drawing.boxes[path.target]
    y = source.y + source.height / 2
    start, end = source.x + source.width, target.x
    size = _head_size(drawing.thickness(path))
    line = f"M{start:g} {y:g}L{end - size:g} {y:g}"
    drawing.draw(path, line, (end, y, "right"))
    middle = (start + end) / 2
    above = y - drawing.thickness(path) / 2 - LABEL_HEIGHT / 2 - 3
    drawing.label(path.median, [(middle, above)])
    drawing.label(path.tail, [(middle, 2 * y - above)])
    if path.bottleneck is not None:
        drawing.badge(middle, y, path.bottleneck)


def _draw_arc(
    drawing: _Drawing,
    path: MapPath,
    ports: _Ports,
    edge: float,
    way: int,
    level: int,
) -> None:
    """An arc over (way −1) or under (+1) its row; `edge` is that side of the row."""
    start, end = ports[path, "source"], ports[path, "target"]
    height = edge + way * (LEVEL_HEIGHT * level - 6)
    size = _head_size(drawing.thickness(path))
    radius = min(10, abs(end - start) / 2)
    turn = radius if end > start else -radius
    line = (
        f"M{start:g} {edge:g}L{start:g} {height - way * radius:g}"
        f"Q{start:g} {height:g} {start + turn:g} {height:g}"
        f"L{end - turn:g} {height:g}"
        f"Q{end:g} {height:g} {end:g} {height - way * radius:g}"
        f"L{end:g} {edge + way * size:g}"
    )
    drawing.draw(path, line, (end, edge, "down" if way < 0 else "up"))
    middle = (start + end) / 2
    far = abs(end - start) / 4
    spots = [(middle + shift, height) for shift in (0, -far, far)]
    drawing.label(path.label, spots, path.bottleneck)


def _draw_between(drawing: _Drawing, path: MapPath, ports: _Ports) -> None:
    """A curve from one row to the other."""
    source, target = drawing.boxes[path.source], drawing.boxes[path.target]
    is_down = source.y < target.y
    x1, x2 = ports[path, "source"], ports[path, "target"]
    y1 = source.y + source.height if is_down else source.y
    tip = target.y if is_down else target.y + target.height
    size = _head_size(drawing.thickness(path))
    y2 = tip - size if is_down else tip + size
    bend = (y2 - y1) * 0.55
    line = f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    drawing.draw(path, line, (x2, tip, "down" if is_down else "up"))
    spots = []
    for share in (0.5, 0.4, 0.6, 0.3, 0.7):
        rest = 1 - share
        x = (rest**3 + 3 * rest**2 * share) * x1 + (share**3 + 3 * rest * share**2) * x2
        y = (
            rest**3 * y1
            + 3 * rest**2 * share * (y1 + bend)
            + 3 * rest * share**2 * (y2 - bend)
            + share**3 * y2
        )
        spots.append((x, y))
    drawing.label(path.label, spots, path.bottleneck)


def _head_size(width: float) -> float:
    return round(6 + width * 0.8, 1)


def _head(x: float, y: float, way: str, size: float) -> str:
    """A triangle with its tip at (x, y)."""
    half = size * 0.55
    if way == "right":
        corners = [(x, y), (x - size, y - half), (x - size, y + half)]
    elif way == "down":
        corners = [(x, y), (x - half, y - size), (x + half, y - size)]
    else:
        corners = [(x, y), (x - half, y + size), (x + half, y + size)]
    return " ".join(f"{a:g},{b:g}" for a, b in corners)
