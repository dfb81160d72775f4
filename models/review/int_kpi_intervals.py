# Grain: one row per KPI, reviewed segment and official period of a rate with subjects.
"""How far a rate may be from what was observed: Wilson's score interval.

`rate_low`, `rate_high`: two-sided 95 %, for people. `bound_low`, `bound_high`: each
one-sided 95 %, for verdicts. All in the unit shown. Source of the formula: Wilson 1927,
as `scipy.stats.binomtest(...).proportion_ci(method="wilson")`.
"""

import pyarrow
from scipy.stats import binomtest

KEYS = ["kpi_code", "segment_code", "period_start"]
PARTS = ["numerator", "denominator", "scale"]
BOUNDS = ["rate_low", "rate_high", "bound_low", "bound_high"]


def model(dbt, session):
    dbt.config(materialized="table")
    rates = dbt.ref("int_review_series").filter(
        "measure_type = 'rate' and denominator > 0 "
        "and numerator between 0 and denominator"
    )
    rows = rates.to_arrow_table()
    parts = [rows.column(name).to_pylist() for name in PARTS]
    bounds = [
        [scale * bound for bound in intervals(hits, trials)]
        for hits, trials, scale in zip(*parts, strict=True)
    ]
    result = rows.select(KEYS)
    for place, name in enumerate(BOUNDS):
        # Typed even when there is no rate at all.
        values = pyarrow.array([row[place] for row in bounds], pyarrow.float64())
        result = result.append_column(name, values)
    return result


def intervals(hits: int, trials: int) -> tuple[float, float, float, float]:
    """Low and high at 95 % on both sides, then at 95 % on each side, as shares."""
    # Only its intervals are wanted: its p-value, searched for otherwise, is 1 at once
    # when the share observed is the one that is tested.
    test = binomtest(hits, trials, hits / trials)
    both = test.proportion_ci(confidence_level=0.95, method="wilson")
    each = test.proportion_ci(confidence_level=0.90, method="wilson")
    return both.low, both.high, each.low, each.high
