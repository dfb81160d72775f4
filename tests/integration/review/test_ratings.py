"""360° ratings: reliability of raters, and nobody who can be worked out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from random import Random
from statistics import fmean
from typing import Any

import pytest

from tests.helpers.defects import compiled
from tests.helpers.warehouse import Warehouse

# Six people, each rated by four others: Shrout and Fleiss 1979, table 2.
PUBLISHED = [
    (9, 2, 5, 8),
    (6, 1, 3, 2),
    (8, 4, 6, 8),
    (7, 1, 2, 6),
    (10, 5, 6, 9),
    (6, 2, 4, 7),
]
MODELS = ("int_collaboration__people_rated", "fct_rating_reliability")


def answers(
    cycle: str, group: str, scores: Mapping[str, Sequence[int]]
) -> list[dict[str, Any]]:
    """One answer per person rated and rater, as the staging view has them."""
    return [
        {
            "cycle_code": cycle,
            "cycle_from_on": date(2025, 1, 1),
            "cycle_to_on": date(2025, 6, 30),
            "ratee_id": person,
            "rater_id": f"{person}-{number}",
            "rater_group_code": group,
            "item_code": "cooperation",
            "score": score,
        }
        for person, given in scores.items()
        for number, score in enumerate(given)
    ]


@pytest.mark.proves("ratings")
def test_reliability_is_that_of_the_published_example(warehouse: Warehouse) -> None:
    """ICC(1) .1657, ICC(1,4) .4428: text only; raters who agree are shown.

    Two colleagues are hidden and do not count, however much they disagree.
    """
    people = {f"p{number}": scores for number, scores in enumerate(PUBLISHED)}
    agreed = {"a": (1, 1, 2), "b": (3, 3, 3), "c": (5, 5, 4)}
    warehouse.load(
        "stg_hr__ratings",
        [
            *answers("2025H1", "peer", {**people, "two": (1, 5)}),
            *answers("2025H1", "report", agreed),
        ],
    )
    warehouse.run(*MODELS)
    found = warehouse.rows(
        "select rater_group_code, people, raters, icc_single, icc_mean, is_text_only "
        "from fct_rating_reliability order by 1"
    )
    assert found[0] == ("peer", 6, 24, 0.1657, 0.4428, True)
    group, rated, raters, single, mean, is_text_only = found[1]
    assert (group, rated, raters, is_text_only) == ("report", 3, 9, False)
    # k r / (1 + (k - 1) r), the reliability of a mean of k raters.
    assert mean == pytest.approx(3 * single / (1 + 2 * single), abs=1e-4)


def test_more_raters_make_the_mean_more_reliable(warehouse: Warehouse) -> None:
    """Two people per cycle, spread so that one rater has a given reliability.

    Within people the variance is 1, between them 1 + k r / (1 - r).
    """
    expected = {(0.2, 5): 0.56, (0.2, 12): 0.75, (0.3, 5): 0.68, (0.3, 8): 0.77}
    rows = []
    for single, raters in expected:
        between = 1 + raters * single / (1 - single)
        distance = (between / (2 * raters)) ** 0.5
        rows += [
            {
                "cycle_code": f"{single} {raters}",
                "cycle_to_on": date(2025, 6, 30),
                "ratee_id": name,
                "unit_code": "u",
                "peer_rater_count": raters,
                "peer_rating": 50 + sign * distance,
                "peer_squares": raters - 1,
            }
            for name, sign in (("low", -1), ("high", 1))
        ]
    warehouse.load("int_collaboration__people_rated", rows)
    warehouse.run("fct_rating_reliability")
    found = warehouse.rows(
        "select cycle_code, icc_single, icc_mean from fct_rating_reliability"
    )
    assert {cycle: single for cycle, single, _ in found} == {
        f"{single} {raters}": single for single, raters in expected
    }
    assert {cycle: round(mean, 2) for cycle, _, mean in found} == {
        f"{single} {raters}": mean for (single, raters), mean in expected.items()
    }


def reliability(people: list[Sequence[float]]) -> tuple[float, float, float]:
    """Raters per person, ICC(1) and ICC(1,k), from all deviations one by one."""
    everyone = [score for scores in people for score in scores]
    raters, among = len(everyone), len(people) - 1
    between = sum((fmean(s) - fmean(everyone)) ** 2 for s in people for _ in s) / among
    within = sum((one - fmean(s)) ** 2 for s in people for one in s)
    within /= raters - len(people)
    each = (raters - sum(len(s) ** 2 for s in people) / raters) / among
    single = (between - within) / (between + (each - 1) * within)
    return each, single, (between - within) / between


# What is right in the model, and a defect in its place.
DEFECTS = [
    ("groups.raters >= figures.rating_min", "true"),
    ("and groups.cycle_to_on <", "and date '2000-01-01' <"),
    ("partition by groups.cycle_code, groups.rater_group_code", ""),
    ("sum(groups.raters * groups.rating)", "sum(3 * groups.rating)"),
    ("sum(raters * raters)", "sum(raters)"),
    ("sum(raters * (rating - grand_mean)", "sum((rating - grand_mean)"),
    ("sum(squares)", "sum(raters)"),
    ("nullif(people - 1, 0)", "nullif(people, 0)"),
    ("nullif(raters - people, 0)", "nullif(raters - 1, 0)"),
    ("group by cycle_code, rater_group_code", "group by all having count(*) > 9"),
    ("        < rating_icc", "        > rating_icc"),
]


def test_reliability_of_uneven_groups_is_that_of_their_single_answers(
    warehouse: Warehouse,
) -> None:
    """Two cycles, two groups, three to six raters each; a cycle that runs is not told,
    nor are two raters who disagree.
    """
    draw = Random(20250101)
    given: dict[tuple[str, str], dict[str, list[int]]] = {}
    for cycle, group, spread in (
        *(("2025H1", "peer", 2), ("2025H1", "report", 0)),
        *(("2025H2", "peer", 1), ("2026H2", "peer", 1)),
    ):
        given[cycle, group] = {
            f"{cycle}{group}{number}": [
                min(max(level + draw.randint(-spread, spread), 1), 5)
                for _ in range(draw.randint(3, 6))
            ]
            for number in range(8)
            for level in [draw.randint(1, 5)]
        }
    rows = []
    for (cycle, group), people in given.items():
        last = date(2026, 12, 31) if cycle == "2026H2" else date(2025, 12, 31)
        told = {**people, f"two {cycle}{group}": [1, 5]}
        rows += [{**a, "cycle_to_on": last} for a in answers(cycle, group, told)]
    warehouse.load("stg_hr__ratings", rows)
    warehouse.run("int_collaboration__people_rated")
    models = compiled(warehouse, "fct_rating_reliability")
    expected = {}
    for key, people in given.items():
        if key[0] != "2026H2":
            scores = [[25 * (one - 1) for one in s] for s in people.values()]
            each, single, mean = reliability(scores)
            expected[key] = (
                *(8, sum(map(len, scores))),
                *(pytest.approx(one, abs=1e-4) for one in (each, single, mean)),
                mean < 0.5,
            )

    def found() -> dict[tuple[str, str], tuple]:
        return {
            (cycle, group): tuple(told)
            for cycle, group, *told in models.warehouse.rows(
                "select cycle_code, rater_group_code, people, raters, "
                "raters_per_person, icc_single, icc_mean, is_text_only "
                "from fct_rating_reliability"
            )
        }

    models.build()
    assert found() == expected
    unseen = []
    for right, wrong in DEFECTS:
        models.build("fct_rating_reliability", right, wrong)
        if found() == expected:
            unseen.append((right, wrong))
    assert unseen == []


def rated(unit: str, people: int) -> list[dict[str, Any]]:
    """People of a team, each rated 60 by the manager and 20 by two colleagues."""
    return [
        {
            "cycle_code": "2025H1",
            "cycle_to_on": date(2025, 6, 30),
            "ratee_id": f"{unit}{number}",
            "unit_code": unit,
            "manager_rater_count": 1,
            "manager_rating": 60,
            "peer_rater_count": 2,
            "peer_rating": 20,
            "peer_squares": 0,
        }
        for number in range(people)
    ]


def test_a_lone_hidden_team_hides_its_smallest_sibling(warehouse: Warehouse) -> None:
    """Of managers, one team is too small; of colleagues, two peers count nowhere."""
    warehouse.load(
        "int_collaboration__people_rated",
        [
            *rated("big", 9),
            *rated("middle", 6),
            *rated("small", 4),
        ],
    )
    warehouse.run("fct_rating_reliability", "fct_team_ratings")
    found = warehouse.rows(
        "select unit_code, rater_group_code, people, rating, hidden_reason "
        "from fct_team_ratings order by 1"
    )
    assert found == [
        ("all", "manager", 19, 60.0, None),
        ("big", "manager", 9, 60.0, None),
        ("middle", "manager", None, None, "complementary"),
        ("small", "manager", None, None, "small_group"),
    ]


def test_nothing_that_is_published_names_a_rater_or_a_person(
    warehouse: Warehouse,
) -> None:
    columns = warehouse.rows(
        "select table_name, column_name from information_schema.columns "
        "where regexp_matches(table_name, '^(fct|dim)_') "
        "and regexp_matches(column_name, '(rater|ratee)_id')"
    )
    assert columns == []
