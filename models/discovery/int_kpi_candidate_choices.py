# Grain: one row per candidate with a score.
"""Which candidates say the same, which hold each other in check, which are the core?

`redundant_with_id`: walking down by score, the first candidate already kept whose
changes from period to period rank alike, unless one is the counter-metric of the other.
`counter_id`: the best counter-metric that the process can measure. `is_core`: in the
set of two or three with the highest sum of scores, less a penalty for each pair that
moves together; the set has an outcome, and a counter-metric for each member that is
about speed, cost or volume.
"""

from collections import defaultdict
from itertools import combinations

import pyarrow

SCHEMA = pyarrow.schema(
    [
        ("candidate_id", pyarrow.string()),
        ("redundant_with_id", pyarrow.string()),
        ("counter_id", pyarrow.string()),
        ("is_core", pyarrow.bool_()),
    ]
)
# What gets better at the cost of something else.
PUSHED = {"speed", "cost", "volume"}


def model(dbt, session):
    dbt.config(materialized="table")
    scored = dbt.ref("int_kpi_candidate_scores").filter("score is not null")
    pairs = dbt.ref("fct_kpi_candidate_pairs").filter("rho is not null")
    figures = dbt.ref("int_discovery_defaults").to_arrow_table().to_pylist()
    figures_of = {row["process_code"]: row for row in figures}
    likeness = {
        frozenset((row["candidate_id"], row["other_candidate_id"])): row
        for row in pairs.to_arrow_table().to_pylist()
    }
    processes = defaultdict(list)
    for row in scored.order("score desc, candidate_id").to_arrow_table().to_pylist():
        processes[row["process_code"]].append(row)
    found = [
        row
        for process, group in sorted(processes.items())
        for row in choices(group, likeness, figures_of[process])
    ]
    return pyarrow.Table.from_pylist(found, SCHEMA)


def choices(group: list[dict], likeness: dict, figures: dict) -> list[dict]:
    """The choices for the candidates of one process, best score first."""
    kept, redundant = [], {}
    for row in group:
        for one in kept:
            if is_alike(likeness.get(pair(one, row)), figures) and not (
                is_counter(one, row) or is_counter(row, one)
            ):
                redundant[row["candidate_id"]] = one["candidate_id"]
                break
        else:
            kept.append(row)
    core = core_set(kept[: int(figures["core_pool"])], likeness, figures)
    return [
        {
            "candidate_id": row["candidate_id"],
            "redundant_with_id": redundant.get(row["candidate_id"]),
            # A counter-metric that stays, if there is one.
            "counter_id": next(
                (
                    one["candidate_id"]
                    for one in [*kept, *group]
                    if is_counter(one, row)
                ),
                None,
            ),
            "is_core": row["candidate_id"] in core,
        }
        for row in group
    ]


def pair(one: dict, other: dict) -> frozenset:
    return frozenset((one["candidate_id"], other["candidate_id"]))


def is_alike(likeness: dict | None, figures: dict) -> bool:
    """Whether two candidates move together over enough periods."""
    return (
        likeness is not None
        and likeness["periods"] >= figures["redundant_periods"]
        and abs(likeness["rho"]) >= figures["redundant_rho"]
    )


def is_counter(one: dict, of: dict) -> bool:
    """Whether one candidate would suffer if another were pushed too far."""
    places = {None, of["from_activity_code"], of["to_activity_code"]}
    return (
        one["template_code"] in (of["counters"] or "").split("|")
        and one["from_activity_code"] in places
    )


def core_set(pool: list[dict], likeness: dict, figures: dict) -> set[str]:
    """The best balanced set; empty where no set is balanced."""
    sizes = range(int(figures["core_min"]), int(figures["core_max"]) + 1)
    rated = (
        (-worth(members, likeness, figures), sorted(m["candidate_id"] for m in members))
        for size in sizes
        for members in combinations(pool, size)
        if is_balanced(members)
    )
    return set(min(rated, default=(0, []))[1])


def is_balanced(members: tuple[dict, ...]) -> bool:
    return any(one["kind"] == "outcome" for one in members) and all(
        any(is_counter(other, one) for other in members)
        for one in members
        if one["family"] in PUSHED
    )


def worth(members: tuple[dict, ...], likeness: dict, figures: dict) -> float:
    """Sum of scores less the penalty; rounded, so that equal sets are equal."""
    together = sum(
        likeness[both]["rho"] ** 2
        for both in (pair(*two) for two in combinations(members, 2))
        if both in likeness
    )
    scores = sum(one["score"] for one in members)
    return round(scores - figures["core_penalty"] * together, 9)
