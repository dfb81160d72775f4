# Grain: one row per declared pair of KPI and counter metric with common weeks.
"""Does a counter metric get worse while its KPI gets better?

Per leg over the common weeks: Kendall's tau of time and goodness with its one-sided
p-value (the KPI rising, the counter falling), the change along the Theil-Sen line, the
natural spread sigma (mean moving range / 1.128) and the median. `p_value` is the larger
of both; `q_value` corrects it for the number of pairs (Benjamini and Hochberg 1995).
`rho` is Spearman's correlation of the weekly changes in goodness.
"""

from itertools import groupby
from math import isnan

import numpy
import pyarrow
from scipy.stats import (
    false_discovery_control,
    kendalltau,
    spearmanr,
    theilslopes,
)

KEYS = ("kpi_code", "counter_kpi_code")
LEGS = ("kpi", "counter")
FIGURES = ("tau", "p_value", "change", "sigma", "median")
SCHEMA = pyarrow.schema(
    [(key, pyarrow.string()) for key in KEYS]
    + [("weeks", pyarrow.int64())]
    + [("first_week", pyarrow.date32()), ("last_week", pyarrow.date32())]
    + [(f"{leg}_{name}", pyarrow.float64()) for leg in LEGS for name in FIGURES]
    + [(name, pyarrow.float64()) for name in ("rho", "p_value", "q_value")]
)


def model(dbt, session):
    dbt.config(materialized="table")
    weeks = dbt.ref("int_counter_weeks")
    figures = dbt.ref("int_kpi_defaults").project("kpi_code, conflict_weeks_min")
    least = dict(figures.fetchall())
    rows = weeks.order("kpi_code, counter_kpi_code, period_start").to_arrow_table()
    found = []
    for key, group in groupby(
        rows.to_pylist(), key=lambda r: tuple(r[k] for k in KEYS)
    ):
        pair = list(group)
        found.append(
            {**dict(zip(KEYS, key, strict=True)), **facts(pair, least[key[0]])}
        )
    tested = [row for row in found if row.get("p_value") is not None]
    if tested:
        corrected = false_discovery_control([row["p_value"] for row in tested])
        for row, q_value in zip(tested, corrected, strict=True):
            row["q_value"] = float(q_value)
    return pyarrow.Table.from_pylist(found, SCHEMA)


def facts(pair: list[dict], least: float) -> dict:
    """Figures of one pair, oldest week first; only the weeks where there are few."""
    weeks = [row["period_start"] for row in pair]
    known = {"weeks": len(pair), "first_week": weeks[0], "last_week": weeks[-1]}
    if len(pair) < least:
        return known
    goodness = {}
    for leg, alternative in zip(LEGS, ("greater", "less"), strict=True):
        values = numpy.array([row[f"{leg}_value"] for row in pair])
        goodness[leg] = values * pair[0][f"{leg}_goodness"]
        trend = kendalltau(range(len(pair)), goodness[leg], alternative=alternative)
        known |= {
            f"{leg}_tau": clean(trend.statistic),
            f"{leg}_p_value": 1.0 if isnan(trend.pvalue) else float(trend.pvalue),
            f"{leg}_change": clean(theilslopes(values).slope * (len(pair) - 1)),
            f"{leg}_sigma": clean(numpy.abs(numpy.diff(values)).mean() / 1.128),
            f"{leg}_median": clean(numpy.median(values)),
        }
    changes = [numpy.diff(goodness[leg]) for leg in LEGS]
    # A leg that never moves correlates with nothing.
    moves = all(len(set(change)) > 1 for change in changes)
    known["rho"] = clean(spearmanr(*changes).statistic) if moves else None
    known["p_value"] = max(known["kpi_p_value"], known["counter_p_value"])
    return known


def clean(number: float) -> float | None:
    """Rounded, so that equal inputs give equal bytes; NULL where undefined."""
    return None if isnan(number) else round(float(number), 9)
