# Grain: one row per KPI, reviewed segment and period of a rate or count with subjects.
"""How far a rate or a count may be from what was observed.

`interval_low`, `interval_high`: two-sided 95 %, for people. `bound_low`, `bound_high`:
each one-sided 95 %, for verdicts, of a rate only: a count is everything that happened,
not a sample of it. All in the unit shown.

Sources: of a rate Wilson 1927, as `scipy.stats.binomtest(...).proportion_ci(method=
"wilson")`; of a count the exact interval of a Poisson mean, Garwood 1936, by the
quantiles of chi-square with 2x and 2x + 2 degrees of freedom.
"""

import pyarrow
from scipy.stats import binomtest, chi2

KEYS = ["kpi_code", "segment_code", "period_start"]
PARTS = ["measure_type", "numerator", "denominator", "scale"]
BOUNDS = ["interval_low", "interval_high", "bound_low", "bound_high"]


def model(dbt, session):
    dbt.config(materialized="table")
    counted = dbt.ref("int_review_series").filter(
        "denominator > 0 and numerator >= 0 "
        "and (measure_type = 'count' "
        "or measure_type = 'rate' and numerator <= denominator)"
    )
    rows = counted.to_arrow_table()
    parts = [rows.column(name).to_pylist() for name in PARTS]
    bounds = [
        of_rate(hits, whole, scale)
        if measure_type == "rate"
        else of_count(hits, whole, scale)
        for measure_type, hits, whole, scale in zip(*parts, strict=True)
    ]
    result = rows.select(KEYS)
    for place, name in enumerate(BOUNDS):
        # Typed even when there is no rate at all.
        values = pyarrow.array([row[place] for row in bounds], pyarrow.float64())
        result = result.append_column(name, values)
    return result


def of_rate(hits: int, trials: int, scale: float) -> tuple[float, float, float, float]:
    """Low and high at 95 % on both sides, then at 95 % on each side."""
    # Only its intervals are wanted: its p-value, searched for otherwise, is 1 at once
    # when the share observed is the one that is tested.
    test = binomtest(hits, trials, hits / trials)
    both = test.proportion_ci(confidence_level=0.95, method="wilson")
    each = test.proportion_ci(confidence_level=0.90, method="wilson")
    return (
        scale * both.low,
        scale * both.high,
        scale * each.low,
        scale * each.high,
    )


def of_count(
    events: int, exposure: float, scale: float
) -> tuple[float, float, None, None]:
    """Low and high at 95 % on both sides, per unit of exposure."""
    low = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    high = chi2.ppf(0.975, 2 * events + 2) / 2
    return scale * low / exposure, scale * high / exposure, None, None
