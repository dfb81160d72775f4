"""The goal tree against plain Python, and each defect planted in its models is seen."""

from __future__ import annotations

import random
from datetime import date

import pytest

from tests.helpers.defects import Models, compiled
from tests.helpers.review_rows import month
from tests.helpers.warehouse import Warehouse

MONTHS = [month(number) for number in range(4)]
LEVELS = ("process", "department", "strategy")
CAP, COVERAGE, ON_TRACK, AT_RISK, CHILD_SHARE = 1.0, 0.8, 0.9, 0.75, 0.1
RANKS = ("on_track", "at_risk", "off")
# Goal -> its parent, weight, outcome, and the month from which it is no more.
GOALS: dict[str, tuple[str | None, float | None, str | None, int | None]] = {
    "s.one": (None, None, "k.revenue", None),
    "s.two": (None, None, None, None),
    "d.a": ("s.one", 0.5, "k.a", None),
    "d.b": ("s.one", None, None, None),
    "d.c": ("s.one", None, None, None),
    "d.light": ("s.one", 0.05, None, None),
    "d.d": ("s.two", 2.0, "k.nothing", None),
    "d.gone": ("s.two", 3.0, None, 2),
    "p.a": ("d.a", None, "k.a1", None),
    "p.b": ("d.b", None, None, None),
    "p.c": ("d.c", 1.0, None, None),
    "p.e": ("d.c", 1.0, None, 3),
    "p.l": ("d.light", None, None, None),
    "p.d": ("d.d", None, None, None),
}
# KPI -> its goal and weight.
KPIS: dict[str, tuple[str, float | None]] = {
    "k.revenue": ("s.one", None),
    "k.a": ("d.a", 1.0),
    "k.a1": ("p.a", 3.0),
    "k.a2": ("p.a", 1.0),
    "k.a3": ("p.a", None),
    **{f"k.b{n}": ("p.b", w) for n, w in enumerate((0.5, 0.3, None))},
    **{f"k.c{n}": ("p.c", None) for n in range(3)},
    **{f"k.e{n}": ("p.e", 2.0) for n in range(2)},
    "k.l": ("p.l", 1.0),
    **{f"k.d{n}": ("p.d", w) for n, w in enumerate((1.0, 4.0))},
    "k.direct": ("d.d", 1.0),
}
Verdicts = dict[tuple[str, date], float | None]


def verdicts() -> Verdicts:
    """Attainment of each KPI and month; of one in eight nothing is known."""
    draw = random.Random(20250101)
    return {
        (kpi, start): None if draw.random() < 0.125 else round(draw.uniform(0, 1.2), 4)
        for kpi in KPIS
        for start in MONTHS
    }


def level_of(goal: str) -> str:
    return next(level for level in LEVELS if level[0] == goal[0])


def rank(attainment: float | None) -> int | None:
    """0 on track, 1 at risk, 2 off; None where nothing is known."""
    if attainment is None:
        return None
    return 0 if attainment >= ON_TRACK else 1 if attainment >= AT_RISK else 2


def shares(weights: list[float | None]) -> list[float]:
    """Weights as given, blanks share what they leave of 1, together 1."""
    given = [weight for weight in weights if weight is not None]
    blank = 1.0
    if given:
        blank = max(1 - sum(given), 0) / max(len(weights) - len(given), 1)
    raw = [blank if weight is None else weight for weight in weights]
    return [one / sum(raw) for one in raw]


def oracle(known: Verdicts) -> tuple[dict[tuple, tuple], dict[tuple, tuple]]:
    """(goal, month, driver) to share and attainment; (goal, month) to its score."""
    drivers: dict[tuple, tuple] = {}
    scores: dict[tuple, tuple] = {}
    for number, start in enumerate(MONTHS):
        alive = [g for g, (*_, end) in GOALS.items() if end is None or number < end]
        for goal in sorted(alive, key=lambda one: LEVELS.index(level_of(one))):
            outcome = GOALS[goal][2]
            below = [
                (kpi, weight, known[kpi, start], None)
                for kpi, (of, weight) in KPIS.items()
                if of == goal and kpi != outcome
            ]
            for child in alive:
                if GOALS[child][0] == goal:
                    own, score, _, _, status = scores[child, start]
                    counts = score if own is None else own
                    below.append((child, GOALS[child][1], counts, status))
            parts = shares([weight for _, weight, *_ in below]) if below else []
            ranks = [rank(known.get((outcome, start)))] if outcome else []
            total = reached = 0.0
            for share, (code, _, attained, status) in zip(parts, below, strict=True):
                drivers[goal, start, code] = (round(share, 6), attained)
                if attained is not None:
                    total += share
                    reached += share * min(attained, CAP)
                if status in RANKS and share >= CHILD_SHARE:
                    ranks.append(RANKS.index(status))
            score = round(reached / total, 4) if total else None
            if round(total, 6) >= COVERAGE:
                ranks.append(rank(score))
            told = [one for one in ranks if one is not None]
            scores[goal, start] = (
                known.get((outcome, start)) if outcome else None,
                score,
                round(total, 6),
                len(below),
                RANKS[max(told)] if told else "insufficient",
            )
    return drivers, scores


@pytest.fixture
def tree(warehouse: Warehouse) -> Models:
    """The models over the company above."""
    warehouse.load(
        "stg_registers__objectives",
        [
            {
                "objective_code": goal,
                "valid_from": date(2025, 1, 1),
                "valid_to": None if end is None else month(end),
                "parent_code": parent,
                "level": level_of(goal),
                "weight": weight,
                "outcome_kpi_code": outcome,
            }
            for goal, (parent, weight, outcome, end) in GOALS.items()
        ],
    )
    warehouse.load(
        "stg_registers__kpis",
        [
            {
                "kpi_code": kpi,
                "valid_from": date(2025, 1, 1),
                "status": "active",
                "objective_code": goal,
                "weight": weight,
            }
            for kpi, (goal, weight) in KPIS.items()
        ],
    )
    ends = zip(MONTHS, [*MONTHS[1:], month(len(MONTHS))], strict=True)
    spans = [{"period_start": start, "period_end": end} for start, end in ends]
    warehouse.load(
        "fct_kpi_values", [{"period_grain": "month", **span} for span in spans]
    )
    known = verdicts()
    warehouse.load(
        "fct_kpi_status",
        [
            {
                "kpi_code": kpi,
                "segment_code": "all",
                "status": "on_target",
                "is_final": True,
                "reliability_grade": "A",
                "attainment": known[kpi, span["period_start"]],
                **span,
            }
            for kpi in KPIS
            for span in spans
        ],
    )
    names = ("int_objective_kpis", "int_objective_months")
    return compiled(warehouse, *names, "fct_objective_drivers", "fct_objective_scores")


def differing(tree: Models) -> dict[tuple, tuple]:
    """Where models and oracle differ: what the models have, and what is expected."""
    drivers, scores = oracle(verdicts())
    expected = {**drivers, **scores}
    found = {}
    for *key, share, attained in tree.warehouse.rows(
        "select objective_code, month_start, driver_code, round(share, 6), attainment "
        "from fct_objective_drivers"
    ):
        # A driver that is there twice is no share of anything.
        twice = tuple(key) in found
        found[tuple(key)] = ("twice",) if twice else (share, attained)
    for goal, start, *score in tree.warehouse.rows(
        "select objective_code, month_start, outcome_attainment, driver_score, "
        "coverage, drivers, status from fct_objective_scores"
    ):
        found[goal, start] = tuple(score)
    return {
        key: (found.get(key), expected.get(key))
        for key in found.keys() | expected.keys()
        if near(found.get(key)) != expected.get(key)
    }


def near(row: tuple | None) -> tuple | None:
    """A row that allows for the rounding of a last digit."""
    if row is None:
        return None
    return tuple(
        pytest.approx(one, abs=1.1e-4) if isinstance(one, float) else one for one in row
    )


# What is right in a model, and a defect in its place.
DEFECTS = [
    # A goal that is no more goes on.
    ("int_objective_months", "months.month_start < objectives.valid_to", "true"),
    # The outcome of any month counts in each.
    ("int_objective_months", "months.month_start = outcomes.month_start", "true"),
    ("int_objective_months", "objectives.outcome_kpi_code = outcomes.kpi_code", "true"),
    ("int_objective_months", "outcomes.attainment", "1.0"),
    # A goal drives itself.
    ("fct_objective_drivers", "is distinct from goals.outcome_kpi_code", "is not null"),
    ("fct_objective_drivers", "goals.month_start = kpis.month_start", "true"),
    ("fct_objective_drivers", "parent_code as objective_code", "'s.one'"),
    # What drives a goal counts, not what it is about.
    (
        "fct_objective_drivers",
        "coalesce(outcome_attainment, driver_score)",
        "driver_score",
    ),
    ("fct_objective_drivers", "greatest(1 - sum(weight) over goals, 0)", "1"),
    ("fct_objective_drivers", "when weight is not null then weight", ""),
    ("fct_objective_drivers", "then goals.rollup_cap", "then 1.2"),
    ("fct_objective_drivers", "\n        status as", "\n        'on_track' as"),
    ("fct_objective_scores", "shares.share < goals.goal_child_share", "false"),
    ("fct_objective_scores", "coverage >= goal_coverage", "true"),
    ("fct_objective_scores", "then goals.rollup_cap", "then 1.2"),
]


@pytest.mark.proves("goals")
def test_goals_are_scored_as_plain_python_scores_them(tree: Models) -> None:
    """Three levels, four months: weights given and blank, goals that end, outcomes."""
    tree.build()
    assert differing(tree) == {}
    # All that a goal can be is there.
    assert {status for (*_, status) in oracle(verdicts())[1].values()} == {
        *RANKS,
        "insufficient",
    }
    unseen = []
    for defect in DEFECTS:
        tree.build(*defect)
        if not differing(tree):
            unseen.append(defect)
    assert unseen == []
