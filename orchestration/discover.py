"""What the log of a process says, read from the published version.

Here: the story as data (`story`) and in words for the terminal (`told`). Not here: any
mining or scoring; that is `models/discovery/` and was done in the night.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestration import query
from orchestration.settings import Settings

Row = Mapping[str, Any]


class UnknownProcess(ValueError):
    """The version does not have the process; the message names those that it has."""


@dataclasses.dataclass(frozen=True)
class Story:
    """One process: `process` is a row of fct_discovered_processes with its names.

    `steps` in mined order, `paths` the most taken first, `candidates` the best first
    with their targets; each row has the columns of its mart.
    """

    version: int
    process: Row
    steps: Sequence[Row]
    paths: Sequence[Row]
    candidates: Sequence[Row]

    @property
    def bottlenecks(self) -> list[Row]:
        """What holds most of the waiting first."""
        found = [row for row in self.paths if row["is_bottleneck"]]
        return sorted(found, key=lambda row: -row["share"])

    @property
    def core(self) -> list[Row]:
        """The recommended core set."""
        return [row for row in self.candidates if row["is_core"]]

    @property
    def refused(self) -> list[Row]:
        """What the log cannot support."""
        return [row for row in self.candidates if row["status"] == "refused"]


def stories(settings: Settings, process: str | None = None) -> list[Story]:
    """The story of a process, or of all, from the current version.

    Raises QueryError when nothing is published, UnknownProcess when the process is
    not in it.
    """
    processes = _rows(
        settings,
        "select mined.*, known.name_en, known.name_zh "
        "from fct_discovered_processes as mined "
        "left join dim_processes as known using (process_code) order by process_code",
    )
    known = [row["process_code"] for row in processes]
    if process is not None and process not in known:
        names = ", ".join(known) or "none"
        raise UnknownProcess(
            f"no process {process!r} in the published version; there are {names}"
        )
    steps = _rows(
        settings,
        "select mined.*, known.name_en, known.name_zh "
        "from fct_discovered_steps as mined "
        "left join dim_process_steps as known using (process_code, activity_code) "
        "order by process_code, position_no",
    )
    paths = _rows(
        settings,
        "select * from fct_discovered_paths where path_kind = 'step' "
        "order by process_code, transitions desc, from_activity_code, to_activity_code",
    )
    candidates = _rows(
        settings,
        "select candidates.*, targets.target, targets.verdict, targets.line_code "
        "from fct_kpi_candidates as candidates "
        "left join fct_kpi_candidate_targets as targets using (candidate_id) "
        "order by process_code, score desc nulls last, candidate_id",
    )
    version = query.query(settings, "select 1").version
    return [
        Story(version, row, *(_of(code, rows) for rows in (steps, paths, candidates)))
        for code, row in zip(known, processes, strict=True)
        if process in (None, code)
    ]


def as_json(found: Iterable[Story]) -> str:
    """All columns of all rows, for machines."""
    return json.dumps(
        [dataclasses.asdict(story) for story in found],
        ensure_ascii=False,
        indent=2,
        default=str,
    )


def _rows(settings: Settings, sql: str) -> list[dict[str, Any]]:
    found = query.query(settings, sql)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def _of(process: str, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["process_code"] == process]


# ---------------------------------------------------------------- words

# English and Chinese of what the terminal says.
TEXTS = {
    "about": (
        "{instances} cases, {closed} closed; {variants} variants, the main one {share}",
        "{instances} 个案例，已结 {closed} 个；{variants} 种路径，主路径占 {share}",
    ),
    "lead": (
        "Lead time {p50} in the median, p95 {p95}",
        "周期中位 {p50}，P95 {p95}",
    ),
    "efficiency": ("flow efficiency {share}", "流程效率 {share}"),
    "limits": ("Limits of the log: {limits}.", "日志的局限：{limits}。"),
    "few_closed": ("few closed cases", "已结案例少"),
    "one_activity": ("one activity", "只有一种活动"),
    "no_end": ("no ends", "无结束记录"),
    "no_start": ("no starts of steps", "无环节开始时间"),
    "no_resource": ("nobody named", "无执行者"),
    "date_only": ("no time of day", "只有日期"),
    "order_unreliable": ("many equal times", "同一时刻过多"),
    "repetitive": ("steps repeated as a matter of course", "惯常重复"),
    "few_periods": ("few periods", "期数少"),
    "map": ("Steps in mined order", "环节（按挖掘顺序）"),
    "step": ("step", "环节"),
    "cases": ("cases", "案例占比"),
    "work": ("work, median", "处理中位"),
    "rework": ("rework", "返工"),
    "nodes": ("key node", "关键节点"),
    "bottlenecks": ("Where cases wait", "等待环节"),
    "none": ("No bottleneck is proved.", "未证实瓶颈。"),
    "path": ("path", "路径"),
    "share": ("of waiting", "占等待"),
    "p95": ("p95", "P95"),
    "kind": ("for want of", "原因"),
    "candidates": ("KPIs worth having", "候选指标"),
    "kpi": ("KPI", "指标"),
    "score": ("score", "评分"),
    "now": ("now", "现值"),
    "target": ("target", "建议目标"),
    "counter": ("counter-metric", "制衡指标"),
    "remark": ("", "说明"),
    "core": ("core", "核心"),
    "twin": ("same as {kept}", "与{kept}重复"),
    "reasons": ("Recommended core, and why", "建议的核心指标及理由"),
    "no_core": (
        "No balanced core set: a KPI of speed, cost or volume needs a counter-metric.",
        "无法组成平衡的核心集：效率、成本、数量类指标须有制衡指标。",
    ),
    "decision": ("decision", "决策"),
    "collaboration": ("collaboration", "协作"),
    "ping_pong": ("ping-pong", "往返"),
    "risk": ("risk", "风险"),
    "capacity": ("capacity", "产能"),
    "coordination": ("coordination", "协调"),
}
NODES = ("decision", "collaboration", "risk", "ping_pong")


def told(story: Story, language: str) -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
    """The story as (line, rows): rows are a table with its header first, or empty."""

    def text(key: str, **values: str) -> str:
        return TEXTS[key][language == "zh"].format(**values)

    def name(row: Row) -> str:
        return row[f"name_{language}"] or row.get("activity_code") or ""

    process = story.process
    names = {row["activity_code"]: name(row) for row in story.steps}
    titles = {row["candidate_id"]: name(row) for row in story.candidates}
    title = process[f"name_{language}"] or process["process_code"]
    yield f"{title} ({process['process_code']})", ()
    about = text(
        "about",
        instances=f"{process['instances']:,}",
        closed=f"{process['closed_instances']:,}",
        variants=f"{process['variants']:,}",
        share=percent(process["main_variant_share"]),
    )
    yield about, ()
    lead = []
    if process["lead_p50_seconds"] is not None:
        p50, p95 = (span(process[f"lead_p{q}_seconds"], language) for q in (50, 95))
        lead.append(text("lead", p50=p50, p95=p95))
    if process["flow_efficiency"] is not None:
        lead.append(text("efficiency", share=percent(process["flow_efficiency"])))
    if lead:
        yield "; ".join(lead), ()
    reasons = {row["refusal_reason"]: row for row in story.refused}
    if process["gate_reasons"]:
        limits = [text(code) for code in process["gate_reasons"].split("|")]
        yield text("limits", limits=", ".join(limits)), ()

    header = [text(key) for key in ("step", "cases", "work", "rework", "nodes")]
    yield (
        text("map"),
        [
            header,
            *(
                [
                    f"{row['position_no']}. {names[row['activity_code']]}",
                    percent(row["coverage"]),
                    span(row["work_p50_seconds"], language),
                    percent(row["rework_share"]) if row["rework_instances"] else "–",
                    ", ".join(
                        text(node)
                        for node in NODES
                        if row[f"is_{node}"] or (node == "risk" and row["is_rework"])
                    ),
                ]
                for row in story.steps
            ),
        ],
    )
    if story.bottlenecks:
        header = [text(key) for key in ("path", "share", "p95", "kind")]
        yield (
            text("bottlenecks"),
            [
                header,
                *(
                    [
                        f"{names[row['from_activity_code']]} → "
                        f"{names[row['to_activity_code']]}",
                        percent(row["share"]),
                        span(row["p95_seconds"], language),
                        text(row["bottleneck_kind"]) if row["bottleneck_kind"] else "–",
                    ]
                    for row in story.bottlenecks
                ),
            ],
        )
    else:
        yield text("none"), ()

    measured = [row for row in story.candidates if row["status"] != "refused"]
    if measured:
        keys = ("kpi", "score", "now", "target", "counter", "remark")
        yield (
            text("candidates"),
            [[text(key) for key in keys]]
            + [
                [
                    name(row),
                    f"{row['score']:.2f}",
                    quantity(row["baseline"], row["unit"], language),
                    quantity(row["target"], row["unit"], language),
                    titles.get(row["counter_id"], "–"),
                    text("core")
                    if row["is_core"]
                    else text("twin", kept=titles[row["redundant_with_id"]])
                    if row["redundant_with_id"]
                    else "",
                ]
                for row in measured
            ],
        )
        yield text("reasons" if story.core else "no_core"), ()
        for row in story.core:
            yield f"  {name(row)}: {row[f'reason_{language}']}", ()
    for row in reasons.values():
        same = [
            name(one)
            for one in story.refused
            if one["refusal_reason"] == row["refusal_reason"]
        ]
        yield f"{', '.join(same)}: {row[f'reason_{language}']}", ()


def percent(share: float | None) -> str:
    """A share for people; a dash for NULL."""
    return "–" if share is None else f"{100 * share:.3g} %"


SPANS = (
    (86400 * 5, 86400, "d", "天"),
    (4 * 3600, 3600, "h", "小时"),
    (300, 60, "min", "分钟"),
    (0, 1, "s", "秒"),
)


def span(seconds: float | None, language: str) -> str:
    """Seconds in the unit that suits them; a dash for NULL."""
    if seconds is None:
        return "–"
    size, en, zh = next(rest for least, *rest in SPANS if seconds >= least)
    return f"{seconds / size:.3g} {zh if language == 'zh' else en}"


UNITS = {
    "pct": ("%", "%"),
    "seconds": ("s", "秒"),
    "minutes": ("min", "分钟"),
    "hours": ("h", "小时"),
    "days": ("d", "天"),
    "per_week": ("a week", "次/周"),
    "cny": ("CNY", "元"),
    "score": ("points", "分"),
    "count": ("", ""),
}


def quantity(value: float | None, unit: str, language: str) -> str:
    """A figure with its unit; a dash for NULL."""
    if value is None:
        return "–"
    words = UNITS.get(unit, (unit, unit))[language == "zh"]
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{number} {words}".rstrip()
