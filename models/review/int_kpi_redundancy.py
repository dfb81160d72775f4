# Grain: one row per two KPIs with common final periods.
"""Do two KPIs say the same?

Over the final periods that both have: `rho`, Spearman's correlation of their changes
from period to period in goodness (NULL where one never changes), and `is_equal`, all
numerators and denominators being the same. `kpi_code` comes first in the alphabet.
"""

from collections import defaultdict
from itertools import combinations, pairwise
from math import isnan

import pyarrow
from scipy.stats import spearmanr

SCHEMA = pyarrow.schema(
    [
        ("kpi_code", pyarrow.string()),
        ("other_kpi_code", pyarrow.string()),
        ("periods", pyarrow.int64()),
        ("rho", pyarrow.float64()),
        ("is_equal", pyarrow.bool_()),
    ]
)
FIELDS = (
    "kpi_code, period_grain, period_start, value, numerator, "
    "denominator, coalesce(goodness, 1) as goodness"
)


def model(dbt, session):
    dbt.config(materialized="table")
    finals = dbt.ref("int_review_series").filter("is_final and segment_code = 'all'")
    rows = finals.project(FIELDS).order("kpi_code, period_start").to_arrow_table()
    series = defaultdict(lambda: defaultdict(dict))
    for row in rows.to_pylist():
        series[row["period_grain"]][row["kpi_code"]][row["period_start"]] = row
    found = [
        {
            "kpi_code": one,
            "other_kpi_code": other,
            **likeness(kpis[one], kpis[other]),
        }
        for kpis in series.values()
        for one, other in combinations(sorted(kpis), 2)
        if kpis[one].keys() & kpis[other].keys()
    ]
    found.sort(key=lambda row: (row["kpi_code"], row["other_kpi_code"]))
    return pyarrow.Table.from_pylist(found, SCHEMA)


def likeness(one: dict, other: dict) -> dict:
    """How alike two series are in the periods that they share."""
    common = sorted(one.keys() & other.keys())
    changes = [
        [
            (later["value"] - earlier["value"]) * later["goodness"]
            for earlier, later in pairwise(series[period] for period in common)
        ]
        for series in (one, other)
    ]
    rho = None
    if all(len(set(change)) > 1 for change in changes):
        rho = float(spearmanr(*changes).statistic)
    parts = [
        [
            (series[period]["numerator"], series[period]["denominator"])
            for period in common
        ]
        for series in (one, other)
    ]
    return {
        "periods": len(common),
        "rho": None if rho is None or isnan(rho) else round(rho, 9),
        "is_equal": parts[0] == parts[1],
    }
