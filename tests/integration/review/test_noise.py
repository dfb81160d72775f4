"""Twenty replays in which nothing happens: no rule may find more than it says it does.

Each replay is a process of its own with 18 months of five KPIs, four of them means that
swing around a flat level (two of behaviour, two of outcomes) and one a rate whose true
value is its alarm limit; pairs of weeks; and interventions that change nothing. All are
registered as they should be. All of it goes through the models at once.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from tests.helpers.review_rows import kpi, months, target
from tests.helpers.warehouse import Warehouse

REPLAYS, MEANS, MONTHS = 20, 4, 18
LEVEL, SPREAD = 100.0, 5.0
# One sigma away: kept in five months of six, so neither too easy nor too hard.
LIMIT = LEVEL + SPREAD
ORDERS, SHARE = 200, 0.05
KINDS = ("behaviour", "behaviour", "outcome", "outcome")
BEFORE, AFTER = 26, 12
START = date(2026, 1, 5)
MONDAY = date(2026, 1, 5)
MODELS = (
    "int_kpi_defaults",
    "int_kpi_target_baselines",
    "dim_kpi_targets",
    "int_kpi_intervals",
    "int_kpi_signals",
    "fct_kpi_status",
    "int_alert_conditions",
    "fct_alert_states",
    "fct_alert_episodes",
    "int_review_history",
    "int_review_trends",
    "int_review_cases",
    "int_review_benchmarks",
    "int_review_levels",
    "int_target_lines",
    "int_target_proposals",
    "int_targets_judged",
    "fct_target_checks",
    "int_intervention_effects",
    "fct_improvement_checks",
    "int_counter_trends",
    "fct_counter_checks",
    "int_target_records",
    "fct_target_reviews",
    "int_kpi_moves",
    "int_target_verdicts",
    "int_kpi_redundancy",
    "int_kpi_silences",
    "int_smart_facts",
    "fct_smart_checks",
    "fct_kpi_readiness",
    "int_review_labels",
    "int_findings_smart",
    "int_findings_behaviour",
    "int_findings_targets",
    "int_findings_conflicts",
    "int_findings_improvements",
    "int_findings_pruning",
    "fct_findings",
)


def most(share: float, trials: int) -> float:
    """Three standard errors above what a share of the trials would be."""
    return share * trials + 3 * sqrt(share * (1 - share) * trials)


def replay(number: int) -> dict[str, list[dict[str, Any]]]:
    """Rows of one replay, by table."""
    random = np.random.default_rng(number)
    process = f"p{number:02}"
    means = [f"{process}.mean_{place}" for place in range(MEANS)]
    rate = f"{process}.rate"
    hits = random.binomial(ORDERS, SHARE, MONTHS)
    registered = {
        "process_code": process,
        "objective_code": "strategy",
        "family": "quality",
        "assign_by": "completion",
        "publish_lag_days": 3,
    }
    rate_is = {"measure_type": "rate", "unit": "pct", "scale": 100}
    review = {"review_by": date(2099, 1, 1)}
    rows: dict[str, list[dict[str, Any]]] = {
        "dim_kpis": [
            kpi(code, ideal=0.0, kind=kind, **registered)
            for code, kind in zip(means, KINDS, strict=True)
        ]
        + [kpi(rate, **registered, **rate_is)],
        "dim_processes": [{"process_code": process, "timezone": "Asia/Shanghai"}],
        "dim_process_steps": [
            {
                "process_code": process,
                "activity_code": "think",
                "is_hard_to_quantify": True,
                "is_retired": False,
            }
        ],
        "stg_registers__kpi_targets": [target(code, LIMIT, **review) for code in means]
        + [target(rate, 100 * SHARE, **review)],
        "int_review_series": [
            {**row, "target_max": 100 * SHARE, "alarm_max": 100 * SHARE}
            | {"measure_type": "rate", "scale": 100.0, "n": ORDERS, "n_min": 30}
            | {"numerator": int(hit), "denominator": ORDERS}
            for row, hit in zip(
                months(rate, (100 * hits / ORDERS).tolist()), hits, strict=True
            )
        ],
        "fct_kpi_values": [
            {"kpi_code": code, "data_as_of": datetime(2026, 6, 30, 16)}
            for code in means
        ],
    }
    for code in means:
        values = random.normal(LEVEL, SPREAD, MONTHS).tolist()
        rows["int_review_series"] += months(code, values, LIMIT)
    # Twice three standard errors of a mean is more than an alarm of one month needs.
    for row in rows["int_review_series"]:
        row["process_code"] = process
        if row["kpi_code"] != rate:
            row["alarm_max"] = LEVEL + 5 * SPREAD
    rows["stg_registers__kpi_counters"] = []
    rows["int_counter_weeks"] = []
    for one, other in combinations(means, 2):
        pair = {"kpi_code": one, "counter_kpi_code": other}
        rows["stg_registers__kpi_counters"].append(
            {**pair, "valid_from": date(2025, 1, 1), "harm_margin": SPREAD}
        )
        rows["int_counter_weeks"] += [
            {
                **pair,
                "period_start": MONDAY + timedelta(weeks=week),
                "kpi_goodness": -1,
                "kpi_value": first,
                "counter_goodness": -1,
                "counter_value": second,
            }
            for week, (first, second) in enumerate(
                random.normal(LEVEL, SPREAD, (26, 2)).tolist()
            )
        ]
    rows["stg_registers__interventions"] = [
        {
            "intervention_code": f"i.{code}",
            "name_en": code,
            "name_zh": code,
            "process_code": process,
            "kpi_code": code,
            "segment_code": "all",
            "starts_on": START,
            "verify_on": START + timedelta(weeks=20),
            "washout_days": 0,
            # Any effect would do, so that only the interval speaks.
            "min_effect": 0.0,
            "status": "running",
            "owner_code": "kpi_office",
        }
        for code in means
    ]
    rows["int_intervention_weeks"] = [
        {
            "intervention_code": f"i.{code}",
            "kpi_code": code,
            "week_start": START + timedelta(weeks=week),
            "phase": "before" if week < 0 else "after",
            "numerator": round(100 * value),
            "denominator": 100,
        }
        for code in means
        for week, value in enumerate(
            random.normal(LEVEL, SPREAD, BEFORE + AFTER).tolist(), -BEFORE
        )
    ]
    return rows


@pytest.mark.proves("noise")
def test_twenty_replays_of_noise_find_no_more_than_the_rules_say(
    warehouse: Warehouse,
) -> None:
    """An alarm on a rate at its limit is confirmed by chance in 5 % of months, an
    effect seen in 5 % of interventions, 10 % of conflicts may be false; three sigmas
    are left by .0027 of values, eight in a row on one side by 2 · ½⁸. Of two means of
    four months one is a sigma better in P(Z ≥ √2) of all cases. Fewer than five hits,
    too few to see a change, come as often as the binomial tables say.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    for number in range(REPLAYS):
        for table, rows in replay(number).items():
            tables.setdefault(table, []).extend(rows)
    goal = {"objective_code": "strategy", "level": "strategy"}
    tables["stg_registers__objectives"] = [{**goal, "valid_from": date(2025, 1, 1)}]
    for table, rows in tables.items():
        warehouse.load(table, rows)
    warehouse.run(*MODELS)

    ((confirmed, judged),) = warehouse.rows(
        "select count(*) filter (where alarm_evidence = 'confirmed'), count(*) "
        "from fct_kpi_status where kpi_code like '%.rate'"
    )
    assert judged == REPLAYS * MONTHS
    assert 0 < confirmed <= most(0.05, judged)

    ((outside, runs, values),) = warehouse.rows(
        "select count(*) filter (where is_x1), count(*) filter (where is_x2), "
        "count(*) from int_kpi_signals where kpi_code like '%.mean_%'"
    )
    assert values == REPLAYS * MEANS * MONTHS
    # Limits are learnt from twelve months, which are not all there is to know.
    assert outside <= most(2 * 0.0027, values)
    assert runs <= most(2 / 2**8, values)

    found = dict(
        warehouse.rows(
            "select rule_id || ' ' || verdict, count(*) from fct_findings "
            "where kpi_code like '%.mean_%' group by 1"
        )
    )
    interventions = REPLAYS * MEANS
    seen = ("V-1 verified", "V-1 harmful", "V-1 traded_off")
    effects = sum(found.pop(verdict, 0) for verdict in seen)
    assert effects <= most(0.05, interventions)
    # All the others were told that nothing can be said.
    others = ("V-1 inconclusive", "V-1 no_effect")
    assert effects + sum(found.pop(one, 0) for one in others) == interventions
    idle = found.pop("B-2 without_effect", 0)
    assert idle <= most(norm.sf(sqrt(2)), REPLAYS * KINDS.count("behaviour"))
    # 120 pairs of counter metrics, as many that might say the same, and all of SMART.
    assert found == {}
    smart = dict(
        warehouse.rows(
            "select check_id || severity, count(*) from fct_smart_checks "
            "where is_finding group by 1"
        )
    )
    assert smart.pop("M4W", 0) <= most(binom.cdf(4, ORDERS, SHARE), REPLAYS)
    # A target beside the level is what it is called; nothing is unfit to be used.
    assert set(smart) == {"AW"}
    assert warehouse.rows(
        "select is_ready, count(*) from fct_kpi_readiness group by 1"
    ) == [(True, REPLAYS * (MEANS + 1))]
    assert warehouse.rows(
        "select count(*) from fct_alert_episodes "
        "where rule_id = 'limit' and kpi_code like '%.mean_%'"
    ) == [(0,)]
