"""The process view: a page for the owner of each process, and the list of them.

Here: what the map shows and from which days, which cards and findings belong to a
process. Not here: where the map's boxes lie (`process_map`), what a card says
(`cards`), and any rule.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from orchestration.scorecard import cards as kpi_cards
from orchestration.scorecard.cards import Card
from orchestration.scorecard.formats import NOTHING, digits
from orchestration.scorecard.process_map import (
    MapPath,
    MapStep,
    ProcessMap,
    lay_out,
)
from orchestration.scorecard.view import Page, View, place_of

Row = Mapping[str, Any]

# Whole months before the night that the map is drawn from.
MAP_MONTHS = 3
# From this share of known starts on, a path shows waits, else gaps.
KNOWN_STARTS = 0.95
# Less rework than this is left to the table.
REWORK_SHOWN = 0.01
TIMELINE_MONTHS = 18
OLDEST_CASES = 10

SIGNS = {"decision": "◇", "collaboration": "⇄", "risk": "⚠"}

STEPS = """
with counted as (
    select process_instance_id from fct_process_instances
    where process_code = $1 and exclusion_reason is null
),

steps as (
    select * from fct_process_steps
    where process_code = $1 and state = 'completed'
        and occurred_on >= $2 and occurred_on < $3
        and process_instance_id in (select process_instance_id from counted)
),

-- What most cases that reach the end go through is the main path.
reached as (
    select distinct process_instance_id from steps
    where activity_code = (
        select end_activity_code from dim_processes where process_code = $1
    )
),

seen as (
    select
        activity_code,
        count(*) as n,
        count(distinct process_instance_id) as instances,
        count(distinct process_instance_id)
            filter (process_instance_id in (from reached)) as reaching,
        quantile_cont(service_elapsed_seconds, 0.5) as work_p50,
        quantile_cont(service_elapsed_seconds, 0.95) as work_p95,
        count(service_elapsed_seconds) as work_n,
        count(*) filter (is_rework) as rework_n
    from steps
    group by activity_code
),

designed as (
    select * from dim_process_steps where process_code = $1 and not is_retired
)

select
    coalesce(designed.activity_code, seen.activity_code) as activity_code,
    designed.step_no,
    designed.activity_code is not null as is_on_map,
    coalesce(designed.name_en, seen.activity_code) as name_en,
    coalesce(designed.name_zh, seen.activity_code) as name_zh,
    coalesce(designed.node, '') as node,
    designed.value,
    designed.kind,
    designed.owner_code,
    seen.* exclude (activity_code),
    (select count(*) from reached) as reached
from designed
full join seen on designed.activity_code = seen.activity_code
order by designed.step_no nulls last, 1
"""

PATHS = """
select
    from_activity_code,
    to_activity_code,
    count(*) as n,
    count(wait_elapsed_seconds) as wait_n,
    quantile_cont(wait_elapsed_seconds, 0.5) as wait_p50,
    quantile_cont(wait_elapsed_seconds, 0.95) as wait_p95,
    quantile_cont(gap_elapsed_seconds, 0.5) as gap_p50,
    quantile_cont(gap_elapsed_seconds, 0.95) as gap_p95,
    count(*) filter (org_unit_change = 'handover') as handovers
from fct_process_paths
where process_code = $1 and path_kind = 'step'
    and moved_on >= $2 and moved_on < $3
    and process_instance_id in (
        select process_instance_id from fct_process_instances
        where process_code = $1 and exclusion_reason is null
    )
group by from_activity_code, to_activity_code
order by n desc, from_activity_code, to_activity_code
"""

BOTTLENECKS = """
select from_activity_code, to_activity_code, bottleneck_kind
from fct_discovered_paths
where process_code = $1 and is_bottleneck
order by share desc nulls last, from_activity_code, to_activity_code
"""

EPISODES = """
select * from fct_alert_episodes
where process_code = $1 and coalesce(closed_on, date '9999-12-31') >= $2
order by closed_on is not null, onset_on desc, kpi_code, rule_id, side
"""

FINDINGS = """
select * from fct_findings
where process_code = $1
order by
    state <> 'open', case severity when 'F' then 0 when 'W' then 1 else 2 end,
    proposed_change is null, rule_id, kpi_code, segment_code, finding_id
"""

INTERVENTIONS = """
select plans.*, checks.* exclude (
    intervention_code, process_code, kpi_code, segment_code, owner_code, starts_on,
    verify_on, min_effect
)
from dim_interventions as plans
left join fct_improvement_checks as checks
    on plans.intervention_code = checks.intervention_code
where plans.process_code = $1
order by plans.starts_on desc, plans.intervention_code
"""

AGES = """
select
    kpi_code,
    clock,
    count(*) as open_n,
    quantile_cont(age_seconds, 0.5) as p50,
    max(age_seconds) as oldest,
    max(case_limit_seconds) as case_limit,
    count(*) filter (age_seconds < 86400) as under_1_day,
    count(*) filter (age_seconds >= 86400 and age_seconds < 3 * 86400) as under_3_days,
    count(*) filter (age_seconds >= 3 * 86400 and age_seconds < 7 * 86400)
        as under_7_days,
    count(*) filter (age_seconds >= 7 * 86400) as over_7_days,
    count(*) filter (age_seconds > case_limit_seconds) as over_limit
from fct_kpi_open_ages
where process_code = $1
group by kpi_code, clock
order by kpi_code
"""

OLDEST = """
select ages.*, alerts.case_state
from fct_kpi_open_ages as ages
left join fct_case_alerts as alerts
    on ages.kpi_code = alerts.kpi_code and ages.subject_id = alerts.subject_id
where ages.process_code = $1
order by ages.age_seconds desc, ages.kpi_code, ages.subject_id
limit $2
"""

CANDIDATES = """
select * from fct_kpi_candidates
where process_code = $1 and status = 'candidate'
order by is_core desc, score desc, candidate_id
"""

CANDIDATE_TARGETS = """
select candidate_id, direction, target from fct_kpi_candidate_targets
where process_code = $1 and target is not null
order by candidate_id
"""


def pages(view: View) -> Iterator[Page]:
    """The list of processes, and one page for each."""
    known = kpi_cards.cards(view.marts, view.today)
    processes = view.marts.rows("select * from dim_processes order by process_code")
    overview = [(process, _cards_of(process, known)) for process in processes]
    yield Page(
        place="processes.html",
        template="processes.html",
        title=view.t("nav.processes"),
        section="nav.processes",
        nav="nav.processes",
        content={**kpi_cards.tools(view), "overview": overview},
    )
    for process, own in overview:
        yield Page(
            place=place_of("process", process["process_code"]),
            template="process.html",
            title=view.named(process),
            section="nav.processes",
            content=_content(view, process, own),
        )


def _cards_of(process: Row, known: Mapping[str, Card]) -> list[Card]:
    """The KPIs of a process, core ones first, each group by weight."""
    own = [
        card
        for card in known.values()
        if card.kpi["process_code"] == process["process_code"]
    ]
    return sorted(own, key=lambda c: (not c.is_core, -(c.kpi["weight"] or 0), c.code))


def _content(view: View, process: Row, own: list[Card]) -> dict[str, Any]:
    code, t, f = process["process_code"], view.t, view.f
    first, end = map_window(view.today)
    steps = view.marts.rows(STEPS, code, first, end)
    paths = _with_bottlenecks(
        view.marts.rows(PATHS, code, first, end), view.marts.rows(BOTTLENECKS, code)
    )
    findings = view.marts.rows(FINDINGS, code)
    since = _months_before(view.today, TIMELINE_MONTHS)
    names = {card.code: card.kpi for card in own}
    episodes = view.marts.rows(EPISODES, code, since)
    interventions = view.marts.rows(INTERVENTIONS, code)
    tools = kpi_cards.tools(view)
    return {
        **tools,
        "process": process,
        "core": [card for card in own if card.is_core],
        "others": [card for card in own if not card.is_core],
        "names": names,
        "window": (first, end - timedelta(days=1)),
        "steps": steps,
        "paths": paths,
        "drawing": drawn(view, steps, paths),
        "step_rows": [_step_row(view, row, tools["owner"]) for row in steps],
        "path_rows": _path_rows(view, steps, paths),
        "episodes": episodes,
        "spans": _spans(view, names, episodes, interventions, since),
        "timeline": (str(since), str(view.today)),
        "episode_rows": [_episode_row(view, names, row) for row in episodes],
        "findings": [
            _readable(view, row) for row in findings if row["state"] == "open"
        ],
        "decided": [_readable(view, row) for row in findings if row["state"] != "open"],
        "interventions": interventions,
        "intervention_rows": [
            _intervention_row(view, names, row) for row in interventions
        ],
        "ages": view.marts.rows(AGES, code),
        "age_rows": [
            [
                view.named(names.get(row["kpi_code"])) or row["kpi_code"],
                t(f"clock.{row['clock']}"),
                f.number(row["open_n"]),
                f.age(row["p50"]),
                f.age(row["oldest"]),
                *(
                    f.number(row[key])
                    for key in (
                        "under_1_day",
                        "under_3_days",
                        "under_7_days",
                        "over_7_days",
                    )
                ),
                f.age(row["case_limit"]),
                NOTHING if row["case_limit"] is None else f.number(row["over_limit"]),
            ]
            for row in view.marts.rows(AGES, code)
        ],
        "oldest": view.marts.rows(OLDEST, code, OLDEST_CASES),
        "oldest_rows": [
            [
                row["subject_id"],
                view.named(names.get(row["kpi_code"])) or row["kpi_code"],
                f.moment(row["running_since_at"]),
                f.age(row["age_seconds"]),
                f.age(row["case_limit_seconds"]),
                t(f"case.{row['case_state'] or 'within'}"),
            ]
            for row in view.marts.rows(OLDEST, code, OLDEST_CASES)
        ],
        "candidates": view.marts.rows(CANDIDATES, code),
        "candidate_rows": _candidate_rows(view, code),
    }


def _candidate_rows(view: View, process_code: str) -> list[list[str]]:
    t, f = view.t, view.f
    targets = {
        row["candidate_id"]: f.bounds(None, row["target"])
        if row["direction"] == "lower"
        else f.bounds(row["target"], None)
        for row in view.marts.rows(CANDIDATE_TARGETS, process_code)
    }
    return [
        [
            view.named(row),
            row[f"reason_{view.language}"] or "",
            f.with_unit(row["unit"], f.number(row["baseline"], 1)),
            targets.get(row["candidate_id"], NOTHING),
            f.number(row["score"], 2),
            t("yes") if row["is_core"] else t("no"),
        ]
        for row in view.marts.rows(CANDIDATES, process_code)
    ]


def _step_row(view: View, row: Row, owner: Callable[[str], str]) -> list[str]:
    t, f, n = view.t, view.f, row["n"] or 0
    roles = [f"{SIGNS[one]} {t(f'node.{one}')}" for one in _nodes(row)]
    if not row["is_on_map"]:
        roles.append(t("map.off_map"))
    elif not n:
        roles.append(t("map.unseen"))
    if row["value"] == "nva":
        roles.append(t("map.nva"))
    return [
        f.number(row["step_no"]),
        view.named(row),
        " · ".join(roles),
        f.number(n),
        f.age(row["work_p50"]),
        f.age(row["work_p95"]),
        f.share((row["rework_n"] or 0) / n) if n else NOTHING,
        owner(row["owner_code"]),
    ]


def _path_rows(
    view: View, steps: Sequence[Row], paths: Sequence[Row]
) -> list[list[str]]:
    t, f = view.t, view.f
    names = {row["activity_code"]: view.named(row) for row in steps}
    return [
        [
            names.get(row["from_activity_code"], row["from_activity_code"]),
            names.get(row["to_activity_code"], row["to_activity_code"]),
            f.number(row["n"]),
            t(f"map.clock.{row['clock']}"),
            f.age(row["p50"]),
            f.age(row["p95"]),
            f.number(row["handovers"]),
            _bottleneck(view, row),
        ]
        for row in paths
    ]


def _bottleneck(view: View, row: Row) -> str:
    """Number and kind of a bottleneck; empty for other paths."""
    if not row["bottleneck"]:
        return ""
    kind = row["bottleneck_kind"]
    return f"{row['bottleneck']}{' · ' + view.t(f'bottleneck.{kind}') if kind else ''}"


def _spans(
    view: View,
    names: Mapping[str, Row],
    episodes: Sequence[Row],
    interventions: Sequence[Row],
    since: date,
) -> list[dict[str, Any]]:
    """Alert episodes, and the starts of interventions in the line of their KPI."""
    found = [
        {
            "label": view.named(names.get(row["kpi_code"])) or row["kpi_code"],
            "start": str(max(row["onset_on"], since)),
            "end": row["closed_on"] and str(row["closed_on"]),
            "kind": "closed" if row["closed_on"] else "open",
        }
        for row in episodes
    ]
    for row in interventions:
        label = view.named(names.get(row["kpi_code"])) or row["kpi_code"]
        if since <= row["starts_on"] <= view.today:
            verdict = view.t(f"verdict.{row['verdict'] or 'not_yet_due'}")
            found.append(
                {
                    "label": label,
                    "start": str(row["starts_on"]),
                    "kind": "marker",
                    # The sign without its words, as in the table of interventions.
                    "sign": verdict.partition(" ")[0],
                }
            )
    return found


def _episode_row(view: View, names: Mapping[str, Row], row: Row) -> list[str]:
    t, f = view.t, view.f
    kpi = names.get(row["kpi_code"], {})
    return [
        view.named(kpi) or row["kpi_code"],
        t(f"alerts.rule.{row['rule_id']}.{row['side']}"),
        f.period(kpi.get("period", "day"), row["onset_on"]),
        f.period(kpi.get("period", "day"), row["closed_on"])
        if row["closed_on"]
        else t("alerts.still"),
        _number(view, kpi, row["onset_value"]),
        _number(view, kpi, row["onset_limit_value"]),
        t(f"alerts.state.{row['closed_reason'] or row['open_state']}"),
    ]


def _intervention_row(view: View, names: Mapping[str, Row], row: Row) -> list[str]:
    t, f = view.t, view.f
    kpi = names.get(row["kpi_code"], {})
    effect = counter = NOTHING
    if row["effect"] is not None:
        effect = t(
            "interventions.interval",
            effect=_signed(view, kpi, row["effect"]),
            low=_signed(view, kpi, row["effect_low"]),
            high=_signed(view, kpi, row["effect_high"]),
        )
    if row["counter_kpi_code"] and row["counter_effect"] is not None:
        other = names.get(row["counter_kpi_code"], {})
        counter = t(
            "interventions.counter_interval",
            name=view.named(other) or row["counter_kpi_code"],
            effect=_signed(view, other, row["counter_effect"]),
            low=_signed(view, other, row["counter_effect_low"]),
            high=_signed(view, other, row["counter_effect_high"]),
        )
    return [
        view.named(row),
        view.named(kpi) or row["kpi_code"],
        f.day(row["starts_on"]),
        f.day(row["verify_on"]),
        t(f"verdict.{row['verdict'] or 'not_yet_due'}"),
        effect,
        f.plain(row["min_effect"]),
        counter,
    ]


def _number(view: View, kpi: Row, value: float | None) -> str:
    """A figure of the KPI beside which no target stands."""
    return view.f.number(value, digits(kpi, {"value": value}))


def _signed(view: View, kpi: Row, value: float | None) -> str:
    text = _number(view, kpi, value)
    return f"+{text}" if value is not None and value > 0 else text


def map_window(today: date) -> tuple[date, date]:
    """First day of the map's months, and the day after the last one."""
    end = today.replace(day=1)
    return _months_before(end, MAP_MONTHS), end


def _months_before(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def _with_bottlenecks(
    paths: Sequence[Row], bottlenecks: Sequence[Row]
) -> list[dict[str, Any]]:
    """Paths with the clock that they show and, of bottlenecks, their number."""
    numbers = {
        (row["from_activity_code"], row["to_activity_code"]): (number, row)
        for number, row in enumerate(bottlenecks, 1)
    }
    shown = []
    for row in paths:
        ends = (row["from_activity_code"], row["to_activity_code"])
        clock = "wait" if row["wait_n"] >= KNOWN_STARTS * row["n"] else "gap"
        number, claim = numbers.get(ends, (None, {}))
        shown.append(
            {
                **row,
                "clock": clock,
                "p50": row[f"{clock}_p50"],
                "p95": row[f"{clock}_p95"],
                "bottleneck": number,
                "bottleneck_kind": claim.get("bottleneck_kind"),
            }
        )
    return shown


def drawn(view: View, steps: Sequence[Row], paths: Sequence[Row]) -> ProcessMap:
    """The map in the language of the view."""
    t, f = view.t, view.f
    names = {row["activity_code"]: view.named(row) for row in steps}
    drawn_steps = []
    for row in steps:
        n = row["n"] or 0
        rework = (row["rework_n"] or 0) / n if n else 0
        facts = [t("map.n", n=f.number(n)) if n else t("map.unseen")]
        if row["work_n"]:
            facts.append(t("map.work", time=f.age(row["work_p50"])))
        drawn_steps.append(
            MapStep(
                code=row["activity_code"],
                name=names[row["activity_code"]],
                signs=" ".join(SIGNS[node] for node in _nodes(row)),
                facts=tuple(facts),
                badge=f"↻ {f.share(rework)}" if rework >= REWORK_SHOWN else None,
                is_main=_is_main(row),
                is_seen=n > 0,
            )
        )
    drawn_paths = [
        MapPath(
            source=row["from_activity_code"],
            target=row["to_activity_code"],
            count=row["n"],
            median=f.age(row["p50"]),
            tail=f.age(row["p95"]),
            bottleneck=row["bottleneck"],
            sentence=t(
                f"map.path.{row['clock']}",
                source=names.get(row["from_activity_code"], ""),
                target=names.get(row["to_activity_code"], ""),
                n=f.number(row["n"]),
                p50=f.age(row["p50"]),
                p95=f.age(row["p95"]),
            ),
        )
        for row in paths
    ]
    return lay_out(drawn_steps, drawn_paths)


def _nodes(row: Row) -> list[str]:
    """What kinds of key node a step is."""
    return [node for node in (row["node"] or "").split("|") if node in SIGNS]


def _is_main(row: Row) -> bool:
    """Whether the step stands in the straight row of the map."""
    if row["kind"] == "rework" or not row["is_on_map"]:
        return False
    if not row["reached"]:
        # Nothing has reached the end: the design is all there is.
        return row["value"] != "nva"
    return 2 * (row["reaching"] or 0) >= row["reached"]


def _readable(view: View, row: Row) -> dict[str, Any]:
    """A finding with its evidence and its proposed change taken apart."""
    return {
        **row,
        "evidence": {
            view.word("evidence", key): value
            for key, value in json.loads(row["evidence"] or "{}").items()
            if value is not None
        },
        "changes": json.loads(row["proposed_change"] or "[]"),
    }
