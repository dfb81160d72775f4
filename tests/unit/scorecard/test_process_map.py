"""The drawing of a process map: straight main path, nothing on top of another."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.scorecard.process_map import (
    NAME_LINES,
    MapPath,
    MapStep,
    lay_out,
    text_width,
    wrapped,
)


def step(code: str, is_main: bool = True, name: str = "Check") -> MapStep:
    return MapStep(code, name, "", ("n 12",), None, is_main, True)


def path(
    source: str, target: str, count: int = 10, number: int | None = None
) -> MapPath:
    return MapPath(source, target, count, "15 min", "2.5 d", number, "")


@st.composite
def maps(draw: st.DrawFn) -> tuple[list[MapStep], list[MapPath]]:
    codes = [f"s{place:02}" for place in range(draw(st.integers(1, 12)))]
    names = st.sampled_from(
        ["Pick", "核对信息、确认库存", "Dispatch to warehouse and carrier"]
    )
    steps = [step(code, draw(st.booleans()), draw(names)) for code in codes]
    ends = st.tuples(st.sampled_from(codes), st.sampled_from(codes))
    pairs = draw(st.lists(ends, unique=True, max_size=24))
    numbers = iter(range(1, 99))
    return steps, [
        path(
            a,
            b,
            draw(st.integers(1, 5000)),
            draw(st.sampled_from([None, next(numbers)])),
        )
        for a, b in pairs
    ]


@settings(max_examples=20, deadline=None)
@given(maps())
def test_steps_and_texts_never_lie_on_each_other(
    facts: tuple[list[MapStep], list[MapPath]],
) -> None:
    drawn = lay_out(*facts)
    boxes = [one.box for one in drawn.steps]
    texts = [one.box for one in drawn.labels if one.text]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert not [pair for pair in combinations(texts, 2) if pair[0].overlaps(pair[1])]
    assert not [(a, b) for a in boxes for b in texts if a.overlaps(b)]
    for box in boxes:
        assert box.x >= 0
        assert box.x + box.width <= drawn.width
        assert box.y + box.height <= drawn.height


@settings(max_examples=20, deadline=None)
@given(maps())
def test_main_steps_stand_in_declared_order_on_one_line(
    facts: tuple[list[MapStep], list[MapPath]],
) -> None:
    main = [one.box for one in lay_out(*facts).steps if one.step.is_main]
    assert [box.x for box in main] == sorted({box.x for box in main})
    assert len({box.y for box in main}) <= 1


@settings(max_examples=20, deadline=None)
@given(maps())
def test_every_bottleneck_is_drawn_with_its_number(
    facts: tuple[list[MapStep], list[MapPath]],
) -> None:
    drawn = lay_out(*facts)
    numbers = {one.bottleneck for one in facts[1] if one.bottleneck}
    assert {one.bottleneck for one in drawn.labels if one.bottleneck} == numbers
    assert len(drawn.paths) + drawn.left_out == len(facts[1])
    assert drawn == lay_out(*facts)


def test_a_rare_path_is_left_to_the_table_unless_it_is_the_only_way() -> None:
    steps = [step("a"), step("b"), step("c"), step("d", is_main=False)]
    drawn = lay_out(
        steps,
        [
            path("a", "b", 1000),
            path("b", "c", 900),
            path("a", "c", 3),
            path("a", "d", 1),
        ],
    )
    assert [(one.path.source, one.path.target) for one in drawn.paths] == [
        ("a", "b"),
        ("b", "c"),
        ("a", "d"),
    ]
    assert drawn.left_out == 1


def test_a_path_that_leads_back_is_marked() -> None:
    steps = [step("a"), step("b")]
    drawn = lay_out(steps, [path("a", "b"), path("b", "a"), path("b", "b")])
    assert [one.is_back for one in drawn.paths] == [False, True, True]


def test_the_width_of_a_path_grows_with_its_count() -> None:
    steps = [step("a"), step("b"), step("c")]
    drawn = lay_out(steps, [path("a", "b", 100), path("b", "c", 50)])
    thick, thin = (one.width for one in drawn.paths)
    assert thick > thin > 0


@settings(max_examples=40)
@given(st.text(max_size=90), st.integers(30, 300))
def test_wrapped_lines_fit_and_lose_nothing_silently(text: str, width: int) -> None:
    lines = wrapped(text, width, 13, NAME_LINES)
    assert 1 <= len(lines) <= NAME_LINES
    assert all(text_width(line, 13) <= width or len(line) == 1 for line in lines)
    if not lines[-1].endswith("…"):
        assert "".join("".join(lines).split()) == "".join(text.split())
