"""Candidates: what holds which in check, and where the numbers of sentences come from.

Here: the counter-metrics as the templates are defined, and the check of sentences that
several tests share. No figures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

# What each template is held in check by.
COUNTERS = {
    **dict.fromkeys(("T03", "T06", "T10", "T15", "T17", "T18"), ("T07",)),
    **dict.fromkeys(("T07", "T11", "T12", "T19", "T21"), ("T01",)),
    **dict.fromkeys(("T14", "T16", "T22", "T24", "T25"), ("T21",)),
    **{"T01": ("T07", "T21"), "T02": ("T08",), "T04": ("T09",), "T05": ("T23",)},
    **{"T08": ("T03",), "T09": ("T04",), "T13": ("T14",), "T20": (), "T23": ("T05",)},
}
# What gets better at the cost of something else.
PUSHED = ("speed", "cost", "volume")


def holds(one: str, other: str) -> bool:
    """Whether `T07` (`T08.check`) is a counter-metric of `T01` (`T02.check--pack`)."""
    place, places = one[4:], other[4:].split("--")
    return one[:3] in COUNTERS[other[:3]] and place in ("", *places)


# Key of the evidence to the column it stands for, in the joined row below.
EVIDENCE = {
    "baseline": "candidates.baseline",
    "periods": "candidates.periods",
    "median": "candidates.scale * candidates.km_median_seconds",
    "share": "100 * paths.share",
    "p95": "candidates.scale * paths.p95_seconds",
    "cross": "case when paths.is_collaboration then 100 * paths.cross_unit_share end",
    "efficiency": "100 * processes.flow_efficiency",
    "efficiency_without": "100 * paths.efficiency_without",
    "work": "100 * steps.work_share",
    "rework": "100 * steps.rework_share",
    "impact": "100 * candidates.impact",
    "known": "100 * candidates.reliability",
    "slow": "candidates.threshold_seconds / 3600.0",
    "lead_p50": "candidates.scale * processes.lead_p50_seconds",
    "lead_p95": "candidates.scale * processes.lead_p95_seconds",
    "window": "candidates.window_days",
    "rho": "pairs.rho",
    "closed": "case when candidates.refusal_reason = 'few_closed' "
    "then processes.closed_instances end",
}
SQL = f"""
    select
        candidates.candidate_id, candidates.evidence,
        candidates.name_en, candidates.name_zh,
        candidates.reason_en, candidates.reason_zh,
        {", ".join(EVIDENCE.values())}
    from fct_kpi_candidates as candidates
    inner join fct_discovered_processes as processes using (process_code)
    left join fct_discovered_steps as steps
        on steps.process_code = candidates.process_code
        and steps.activity_code = candidates.from_activity_code
    left join fct_discovered_paths as paths
        on paths.process_code = candidates.process_code
        and paths.from_activity_code = candidates.from_activity_code
        and paths.to_activity_code = candidates.to_activity_code
        and paths.path_kind = 'step'
    left join fct_kpi_candidate_pairs as pairs
        on pairs.candidate_id
        = least(candidates.candidate_id, candidates.redundant_with_id)
        and pairs.other_candidate_id
        = greatest(candidates.candidate_id, candidates.redundant_with_id)
"""


def check_sentences(rows: Callable[[str], list[tuple[Any, ...]]]) -> None:
    """Each number of each sentence is evidence, and each evidence is its column."""
    found = rows(SQL)
    assert found
    labels = {name for row in found for name in row[2:4]}
    for candidate, evidence, _, _, english, chinese, *columns in found:
        told = json.loads(evidence)
        for key, column in zip(EVIDENCE, columns, strict=True):
            value = told.pop(key)
            if column is None:
                assert value is None, (candidate, key)
            else:
                assert value == pytest.approx(float(column), rel=1e-9), (candidate, key)
            told[key] = value
        known = [
            abs(value) for value in told.values() if isinstance(value, int | float)
        ]
        for sentence in (english, chinese):
            assert sentence, candidate
            assert "{" not in sentence, candidate
            text = re.sub("[pP]95", "", sentence)
            for label in sorted(labels, key=len, reverse=True):
                text = text.replace(label, "")
            for number in re.findall(r"\d+(?:\.\d+)?", text):
                near = min(known, key=lambda value: abs(value - float(number)))
                assert float(number) == pytest.approx(near, rel=0.005, abs=0.005), (
                    candidate,
                    sentence,
                )
