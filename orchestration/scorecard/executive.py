"""The overview of one screen, and the list of everything that waits for a decision."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestration.scorecard import charts, reading
from orchestration.scorecard.view import Page, View, place_of

CHANGES_SHOWN = 5
DECISIONS_SHOWN = 5

DECISIONS = """
    select * from fct_findings where state = 'open'
    order by
        case severity when 'F' then 1 when 'W' then 2 else 3 end,
        proposed_change is null,
        rule_id, process_code, kpi_code, finding_id
"""


def pages(view: View) -> Iterator[Page]:
    """The overview."""
    findings = _findings(view)
    # What can be done by accepting it, and what must not stay as it is.
    waiting = [one for one in findings if one["change"] or one["severity"] == "F"]
    changed = changes(view)
    goals = goal_tree(view)
    yield Page(
        "index.html",
        "executive.html",
        view.t("nav.executive"),
        "nav.executive",
        {
            "goals": goals,
            "month": goals[0]["month"] if goals else None,
            "summary": summary(view, goals, waiting),
            "changes": changed[:CHANGES_SHOWN],
            "more_changes": len(changed) - CHANGES_SHOWN,
            "alarms": alarms(view),
            "decisions": waiting[:DECISIONS_SHOWN],
            "more_decisions": len(findings) - min(len(waiting), DECISIONS_SHOWN),
            "health": health(view),
        },
        "nav.executive",
    )


def decision_pages(view: View) -> Iterator[Page]:
    """Everything that waits for a decision, the gravest first."""
    yield Page(
        "decisions.html",
        "decisions.html",
        view.t("nav.decisions"),
        "nav.decisions",
        {"groups": by_severity(_findings(view))},
        "nav.decisions",
    )


# ------------------------------------------------------------------ goals


def goal_tree(view: View) -> list[dict[str, Any]]:
    """The goals of the last month that was scored, each below its parent."""
    scores = view.marts.rows(
        """
        select * from fct_objective_scores
        where month_start = (select max(month_start) from fct_objective_scores)
        order by objective_code
        """
    )
    goals = {
        row["objective_code"]: row
        for row in view.marts.rows("select * from dim_objectives")
    }
    kpis, series = reading.kpis(view.marts), reading.series(view.marts)
    owners = reading.owners(view.marts)
    weight = weights(view)
    known = {row["objective_code"] for row in scores}
    children: dict[str | None, list[dict[str, Any]]] = {}
    for row in scores:
        parent = row["parent_code"] if row["parent_code"] in known else None
        children.setdefault(parent, []).append(row)

    def below(parent: str | None, depth: int) -> Iterator[dict[str, Any]]:
        for row in sorted(
            children.get(parent, []),
            key=lambda one: (
                -weight.get(one["objective_code"], 0),
                one["objective_code"],
            ),
        ):
            code = row["objective_code"]
            goal = goals.get(code, {})
            outcome = kpis.get(row["outcome_kpi_code"])
            yield {
                "depth": depth,
                "level": row["level"],
                "month": row["month_start"],
                "name": view.named(goal) or code,
                "statement": view.named(goal, "statement"),
                "owner": view.named(owners.get(goal.get("owner_code"))),
                "outcome": outcome,
                "outcome_name": view.named(outcome) or row["outcome_kpi_code"],
                "outcome_place": outcome and place_of("kpi", outcome["kpi_code"]),
                "outcome_row": outcome
                and _during(series.get(outcome["kpi_code"], []), row["month_start"]),
                "outcome_status": row["outcome_status"],
                "driver_score": row["driver_score"],
                "coverage": row["coverage"],
                "drivers": row["drivers"],
                "status": row["status"],
                "place": place_of("process", code.removeprefix("p_"))
                if row["level"] == "process"
                else None,
            }
            yield from below(code, depth + 1)

    return list(below(None, 0))


def _during(rows: Iterable[Mapping[str, Any]], month: Any) -> Mapping[str, Any] | None:
    """The judged period that holds a month."""
    for row in rows:
        if row["period_start"] <= month < row["period_end"]:
            return row
    return None


def weights(view: View) -> dict[str, float]:
    """What share of all strategy goals hangs on each goal and KPI, by its code.

    Shares multiply down the tree. The outcome KPI of a goal carries the weight of the
    goal.
    """
    drivers = view.marts.rows(
        """
        select objective_code, driver_code, driver_kind, share
        from fct_objective_drivers
        where month_start = (select max(month_start) from fct_objective_drivers)
        """
    )
    scores = view.marts.rows(
        """
        select scores.objective_code, scores.outcome_kpi_code, goals.weight
        from fct_objective_scores as scores
        left join dim_objectives as goals
            on scores.objective_code = goals.objective_code
        where scores.parent_code is null
            and month_start = (select max(month_start) from fct_objective_scores)
        """
    )
    found = shares({row["objective_code"]: row["weight"] for row in scores})
    outcomes = {
        row["objective_code"]: row["outcome_kpi_code"]
        for row in view.marts.rows(
            """
            select objective_code, outcome_kpi_code from fct_objective_scores
            where month_start = (select max(month_start) from fct_objective_scores)
            """
        )
    }
    waiting = list(found)
    while waiting:
        goal = waiting.pop()
        outcome = outcomes.get(goal)
        if outcome:
            found[outcome] = max(found.get(outcome, 0), found[goal])
        for row in drivers:
            if row["objective_code"] == goal:
                code = row["driver_code"]
                share = found[goal] * (row["share"] or 0)
                found[code] = max(found.get(code, 0), share)
                if row["driver_kind"] == "objective":
                    waiting.append(code)
    return found


def shares(weights: Mapping[str, float | None]) -> dict[str, float]:
    """Weights as shares of 1: goals without one share what the others leave."""
    named = sum(one for one in weights.values() if one is not None)
    blank = sum(one is None for one in weights.values())
    rest = max(0.0, 1 - named) / blank if blank else 0.0
    total = named + rest * blank
    return {
        code: (rest if one is None else one) / total if total else 0.0
        for code, one in weights.items()
    }


# ------------------------------------------------------------------ changes


def changes(view: View) -> list[dict[str, Any]]:
    """KPIs whose last settled period left their usual variation, the weightiest first.

    Ranked by the weight of the KPI in the goals times its distance from the mean in
    sigmas; what stays within the natural limits is no change.
    """
    kpis, weight = reading.kpis(view.marts), weights(view)
    found = []
    for code, rows in reading.series(view.marts).items():
        kpi = kpis.get(code)
        settled = [row for row in rows if row["is_final"] and row["value"] is not None]
        if kpi is None or kpi["status"] == "retired" or not settled:
            continue
        row, last = settled[-1], reading.newest(rows)
        if row["variation"] not in ("improving", "concerning") or not row["sigma"]:
            continue
        effect = (row["value"] - row["mean"]) / row["sigma"]
        decimals = view.f.digits(kpi, row)

        def said(value: float, unit: str = kpi["unit"], few: int = decimals) -> str:
            return view.f.with_unit(unit, view.f.number(value, few))

        found.append(
            {
                "kpi": kpi,
                "name": view.named(kpi),
                "place": place_of("kpi", code),
                "row": row,
                "effect": effect,
                "weight": weight.get(code, 0),
                "rank": abs(effect) * weight.get(code, 0),
                "value": said(row["value"]),
                "mean": said(row["mean"]),
                "period": _period(view, row),
                "since": None if last in (row, None) else said(last["value"]),
                "since_period": last and _period(view, last),
                "spec": charts.trend(rows, 150, 40, bare=True),
                "rows": rows,
            }
        )
    return sorted(found, key=lambda one: (-one["rank"], one["kpi"]["kpi_code"]))


def _period(view: View, row: Mapping[str, Any]) -> str:
    return view.f.period(row["period_grain"], row["period_start"])


def alarms(view: View) -> list[dict[str, Any]]:
    """The alarms that are open, the newest first."""
    kpis = reading.kpis(view.marts)
    return [
        {
            "kpi": kpis.get(row["kpi_code"]),
            "name": view.named(kpis.get(row["kpi_code"])) or row["kpi_code"],
            "place": place_of("kpi", row["kpi_code"]),
            "row": row,
            "said": _onset(view, kpis.get(row["kpi_code"]), row),
        }
        for row in view.marts.rows(
            """
            select * from fct_alert_episodes
            where closed_on is null
            order by rule_id, onset_on desc, kpi_code
            """
        )
    ]


def _onset(
    view: View, kpi: Mapping[str, Any] | None, row: Mapping[str, Any]
) -> str | None:
    """What an alarm began with; None of a signal, whose limits the trend shows."""
    value, limit = row["onset_value"], row["onset_limit_value"]
    if kpi is None or value is None or limit is None or row["rule_id"] == "signal":
        return None
    few = view.f.digits(kpi, {"value": value, "alarm_min": limit})
    return view.t(
        "alarms.value", value=view.f.number(value, few), limit=view.f.plain(limit)
    )


# ------------------------------------------------------------------ decisions


def _findings(view: View) -> list[dict[str, Any]]:
    return [decision(view, row) for row in view.marts.rows(DECISIONS)]


def decision(view: View, row: Mapping[str, Any]) -> dict[str, Any]:
    """A finding as people read it: what, about what, and the change it proposes."""
    kpi = reading.kpis(view.marts).get(row["kpi_code"])
    process = reading.processes(view.marts).get(row["process_code"])
    return {
        "id": row["finding_id"],
        "rule": row["rule_id"],
        "severity": row["severity"],
        "message": view.named(row, "message"),
        "about": view.named(kpi) or view.named(process) or row["objective_code"] or "",
        "place": place_of("kpi", row["kpi_code"])
        if kpi
        else process and place_of("process", row["process_code"]),
        "process": view.named(process),
        "owner": view.named(reading.owners(view.marts).get(row["owner_code"]))
        or row["owner_code"],
        "change": json.loads(row["proposed_change"] or "null") or [],
    }


def by_severity(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings in groups, the gravest first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in findings:
        groups.setdefault(one["severity"], []).append(one)
    return [{"severity": key, "findings": some} for key, some in groups.items()]


# ------------------------------------------------------------------ health


def health(view: View) -> dict[str, Any]:
    """How fresh and how reliable the exports are, and what is wrong with which."""
    rows = view.marts.rows("select * from dim_exports order by export_code")
    return {
        "exports": len(rows),
        "fresh": sum(not row["is_stale"] for row in rows),
        "stale": [row for row in rows if row["is_stale"]],
        "doubtful": [row for row in rows if row["reliability_grade"] in ("C", "D")],
        "oldest": min(
            (row["data_as_of"] for row in rows if row["data_as_of"]), default=None
        ),
        "loaded": sum(row["rows_loaded"] or 0 for row in rows),
        "rejected": sum(row["rows_rejected"] or 0 for row in rows),
        "unready": [
            {
                "name": view.named(reading.kpis(view.marts).get(row["kpi_code"])),
                "place": place_of("kpi", row["kpi_code"]),
            }
            for row in view.marts.rows(
                "select kpi_code from fct_kpi_readiness where not is_ready "
                "and not is_on_trial order by kpi_code"
            )
        ],
    }


def summary(
    view: View, goals: list[dict[str, Any]], waiting: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Four sentences that say whether there is anything to do, with where to look.

    `calm` is None where there is nothing yet that could be well or ill.
    """
    top = [goal for goal in goals if goal["depth"] == 0]
    off = [goal for goal in top if goal["status"] not in ("on_track", "insufficient")]
    state = health(view)
    limits = [one for one in alarms(view) if one["row"]["rule_id"] != "signal"]
    return [
        {
            "text": view.t("summary.goals", off=len(off), goals=len(top)),
            "anchor": "goals",
            "calm": not off if top else None,
        },
        {
            "text": view.t("summary.alarms", alarms=len(limits)),
            "anchor": "alarms",
            "calm": not limits,
        },
        {
            "text": view.t("summary.decisions", decisions=len(waiting)),
            "anchor": "decisions",
            "calm": not waiting,
        },
        {
            "text": view.t(
                "summary.data", fresh=state["fresh"], exports=state["exports"]
            ),
            "anchor": "health",
            "calm": state["fresh"] == state["exports"] if state["exports"] else None,
        },
    ]
