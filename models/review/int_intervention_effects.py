# Grain: one row per intervention and KPI it may move, with weeks before and after.
"""By how much did a KPI change, and how sure is that?

`effect`: ratio of sums after minus before, in the unit shown, with a 95 % percentile
interval from 2,000 draws of whole weeks, so that what hits a week hits it as one. The
seed is fixed: the same weeks give the same interval. `p_before`: one-sided p-value of
Kendall's tau that the KPI was getting better already.
"""

from itertools import groupby
from math import isnan

import numpy
import pyarrow
from scipy.stats import kendalltau

DRAWS = 2000
SEED = 20250101
KEYS = ("intervention_code", "kpi_code")
NUMBERS = ("value_before", "value_after", "effect", "effect_low", "effect_high")
SCHEMA = pyarrow.schema(
    [(key, pyarrow.string()) for key in KEYS]
    + [("weeks_before", pyarrow.int64()), ("weeks_after", pyarrow.int64())]
    + [(name, pyarrow.float64()) for name in (*NUMBERS, "p_before")]
)


def model(dbt, session):
    dbt.config(materialized="table")
    kpis = dbt.ref("dim_kpis").project("kpi_code, scale, direction").fetchall()
    known = {code: (scale, direction) for code, scale, direction in kpis}
    weeks = dbt.ref("int_intervention_weeks")
    rows = weeks.order("intervention_code, kpi_code, week_start").to_arrow_table()
    found = []
    for key, group in groupby(
        rows.to_pylist(), key=lambda r: tuple(r[k] for k in KEYS)
    ):
        parts = list(group)
        phases = [
            numpy.array(
                [
                    (row["numerator"], row["denominator"])
                    for row in parts
                    if row["phase"] == phase
                ],
                dtype=float,
            ).reshape(-1, 2)
            for phase in ("before", "after")
        ]
        scale, direction = known[key[1]]
        facts = effect(*phases, scale, -1 if direction == "lower" else 1)
        found.append({**dict(zip(KEYS, key, strict=True)), **facts})
    return pyarrow.Table.from_pylist(found, SCHEMA)


def effect(
    before: numpy.ndarray, after: numpy.ndarray, scale: float, goodness: int
) -> dict:
    """Facts of two sets of weeks, each a row of numerator and denominator."""
    facts = {"weeks_before": len(before), "weeks_after": len(after)}
    if not len(before) or not len(after):
        return facts
    generator = numpy.random.default_rng(SEED)
    values = [
        scale * phase[:, 0].sum() / phase[:, 1].sum() for phase in (before, after)
    ]
    drawn = [scale * draws(phase, generator) for phase in (before, after)]
    low, high = numpy.quantile(drawn[1] - drawn[0], [0.025, 0.975])
    numbers = (*values, values[1] - values[0], low, high)
    facts |= {
        name: round(float(number), 9)
        for name, number in zip(NUMBERS, numbers, strict=True)
    }
    weekly = goodness * before[:, 0] / before[:, 1]
    p = kendalltau(range(len(weekly)), weekly, alternative="greater").pvalue
    facts["p_before"] = None if isnan(p) else round(float(p), 9)
    return facts


def draws(weeks: numpy.ndarray, generator: numpy.random.Generator) -> numpy.ndarray:
    """Ratios of sums of as many weeks, drawn with replacement."""
    chosen = weeks[generator.integers(0, len(weeks), (DRAWS, len(weeks)))].sum(axis=1)
    return chosen[:, 0] / chosen[:, 1]
