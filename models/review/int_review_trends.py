# Grain: one row per KPI and reviewed segment with at least two recent final periods.
"""Is a KPI getting better, and by how much per period?

`slope`: median of all pairwise slopes (Theil 1950, Sen 1968), in the unit shown per
period. `p_better`: one-sided p-value of Kendall's tau between time and goodness; NULL
where all values are equal. Both over the recent periods of `int_review_history`.
"""

from itertools import groupby
from math import isnan

import pyarrow
from scipy.stats import kendalltau, theilslopes

KEYS = ("kpi_code", "segment_code")
SCHEMA = pyarrow.schema(
    [
        ("kpi_code", pyarrow.string()),
        ("segment_code", pyarrow.string()),
        ("trend_periods", pyarrow.int64()),
        ("slope", pyarrow.float64()),
        ("p_better", pyarrow.float64()),
    ]
)


def model(dbt, session):
    dbt.config(materialized="table")
    recent = dbt.ref("int_review_history").filter("is_recent")
    rows = recent.order("kpi_code, segment_code, period_start").to_arrow_table()
    groups = groupby(rows.to_pylist(), key=lambda row: tuple(row[key] for key in KEYS))
    found = [(key, list(periods)) for key, periods in groups]
    trends = [
        {**dict(zip(KEYS, key, strict=True)), **trend(periods)}
        for key, periods in found
        if len(periods) > 1
    ]
    return pyarrow.Table.from_pylist(trends, SCHEMA)


def trend(periods: list[dict]) -> dict:
    """Slope and evidence of consecutive periods, oldest first."""
    values = [row["value"] for row in periods]
    goodness = [row["goodness"] * row["value"] for row in periods]
    p = kendalltau(range(len(goodness)), goodness, alternative="greater").pvalue
    return {
        "trend_periods": len(values),
        "slope": round(float(theilslopes(values).slope), 9),
        "p_better": None if isnan(p) else round(float(p), 9),
    }
