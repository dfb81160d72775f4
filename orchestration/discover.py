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
from orchestration.registers import nearest
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
    def measured(self) -> list[Row]:
        """Candidates with a score, the best first, duplicates among them."""
        return [row for row in self.candidates if row["status"] != "refused"]

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
            f"no process {process!r} in the published version"
            f"{nearest(process, known)}; there are {names}"
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


@dataclasses.dataclass(frozen=True)
class Part:
    """A heading, a table with its header first, and sentences; each may be empty."""

    heading: str
    table: Sequence[Sequence[str]] = ()
    sentences: Sequence[str] = ()


# English and Chinese of what the terminal says.
TEXTS = {
    "about": (
        "{instances} cases, {closed} closed; {variants} variants, {share} take the "
        "main one.",
        "{instances} 个案例，已结 {closed} 个；{variants} 种路径，主路径占 {share}。",
    ),
    "lead": (
        "Lead time: half within {p50}, 19 of 20 within {p95}.",
        "周期：一半在 {p50}内，95% 在 {p95}内。",
    ),
    "efficiency": (
        "Of the time from first to last step {share} is work.",
        "首末环节之间 {share} 的时间在处理。",
    ),
    "limits": ("Limits of the log: {limits}.", "日志的局限：{limits}。"),
    "few_closed": ("few closed cases", "已结案例少"),
    "one_activity": ("only one activity", "只有一种活动"),
    "no_end": ("nothing ever ends", "没有结束记录"),
    "no_start": (
        "no starts of steps, so times run from one completion to the next",
        "无环节开始时间，时长按完成到完成计算",
    ),
    "no_resource": ("nobody is named", "无执行者"),
    "date_only": ("days without time of day", "只有日期，没有时间"),
    "order_unreliable": (
        "many steps at the same second, so their order is not known",
        "许多环节时刻相同，先后顺序不明",
    ),
    "repetitive": (
        "steps are repeated as a matter of course, so rework cannot be told",
        "惯常重复环节，无法识别返工",
    ),
    "few_periods": ("too few periods to test anything", "期数过少，无法检验"),
    "map": ("Steps in mined order", "环节（按挖掘顺序）"),
    "step": ("step", "环节"),
    "cases": ("cases", "案例占比"),
    "work": ("work, median", "处理中位"),
    "rework_share": ("done again", "重复"),
    "nodes": ("key node", "关键节点"),
    "decision": ("decision", "决策"),
    "collaboration": ("collaboration", "协作"),
    "bottleneck": ("bottleneck", "瓶颈"),
    "ping_pong": ("ping-pong", "往返"),
    "rework": ("rework", "返工"),
    "risk": ("risk", "风险"),
    "waits": ("Where cases wait", "等待环节"),
    "no_bottleneck": ("No bottleneck is proved.", "未证实瓶颈。"),
    "not_tested": ("No bottleneck can be tested.", "无法检验瓶颈。"),
    "path": ("bottleneck", "瓶颈"),
    "share": ("of all waiting", "占等待"),
    "p95": ("19 of 20 within", "95% 在此内"),
    "last": ("last on", "最近"),
    "kind": ("for want of", "原因"),
    "capacity": ("capacity", "产能"),
    "coordination": ("coordination", "协调"),
    "waste": ("What costs time or goes wrong", "耗时与隐患"),
    "no_waste": ("Nothing else stands out.", "未见其他问题。"),
    "approved_again": (
        "{step}: approved {times} times what was approved, with no change between; "
        "last on {last}.",
        "{step}：重复审批 {times} 次，其间无变更；最近 {last}。",
    ),
    "serial": (
        "{step}: comes after another approval and rejected {no} of {all}. "
        "It may be one too many.",
        "{step}：在另一审批之后，{all} 次中驳回 {no} 次，可能多余。",
    ),
    "serial_few": (
        "{step}: comes after another approval and rejected {no} of {all}, too few to "
        "tell whether it adds anything. Is it needed?",
        "{step}：在另一审批之后，{all} 次中驳回 {no} 次，样本不足以判断。是否需要？",
    ),
    "serial_unseen": (
        "{step}: comes after another approval ({all} times), and the log shows no "
        "rejection by anybody. Is it needed, or are rejections not recorded?",
        "{step}：在另一审批之后（{all} 次），日志中无任何驳回。多余，还是未记录？",
    ),
    "came_back": (
        "{step}: came back after another unit had it, in {share} of cases.",
        "{step}：{share} 的案例经其他部门后退回。",
    ),
    "done_again": (
        "{step}: done again in {share} of cases.",
        "{step}：{share} 的案例重复。",
    ),
    "is_rework": (
        "{step}: is rework, and {share} of cases come to it.",
        "{step}：属于返工，{share} 的案例经过。",
    ),
    "ends_badly": (
        "{step}: with it {share} more of the cases end badly than without.",
        "{step}：经过该环节的案例不良结果高 {share}。",
    ),
    "tail": (
        "{what}: a few take far longer, half within {p50}, 19 of 20 within {p95}.",
        "{what}：少数远慢于其他，一半在 {p50}内，95% 在 {p95}内。",
    ),
    "whole": ("Lead time", "周期"),
    "candidates": ("KPIs worth having, scored from 0 to 1", "候选指标（评分 0 至 1）"),
    "kpi": ("KPI", "指标"),
    "score": ("score", "评分"),
    "now": ("now", "现值"),
    "target": ("target", "建议目标"),
    "counter": ("counter", "制衡指标"),
    "is_core": ("core", "核心"),
    "twins": ("Says the same as {kept}: {twins}.", "与{kept}重复：{twins}。"),
    "reasons": ("Recommended core, and why", "建议的核心指标及理由"),
    "no_core": ("No core set can be recommended", "无法建议核心指标"),
    "unbalanced": (
        "A KPI of speed, cost or volume needs a counter-metric that holds it in check, "
        "and the log has none:",
        "效率、成本、数量类指标须有制衡指标，而日志中没有：",
    ),
    "nothing": ("No KPI can be measured yet.", "尚无可测量的指标。"),
    "refused": ("What the log cannot tell", "日志无法说明"),
}
NODES = ("decision", "collaboration", "bottleneck", "ping_pong", "rework", "risk")
# Paths with a long tail that are told, those with most of the waiting first.
TAILS = 3
# Without a core: the best candidates whose reasons name what is missing.
UNBALANCED = 3


def told(story: Story, language: str) -> Iterator[Part]:
    """The story of a process in words, for 80 columns."""
    words = Words(story, language)
    yield words.summary()
    yield words.steps()
    if story.process["gate"] != "refused":
        yield words.bottlenecks()
        yield words.waste()
    if story.measured:
        yield words.candidates()
    yield words.core()
    if story.refused:
        yield words.refused()


@dataclasses.dataclass(frozen=True)
class Words:
    """One story in one language."""

    story: Story
    language: str

    def text(self, key: str, **values: Any) -> str:
        return TEXTS[key][self.language == "zh"].format(**values)

    def name(self, row: Row) -> str:
        return row[f"name_{self.language}"] or row.get("activity_code") or ""

    def step(self, activity_code: str) -> str:
        """What people call an activity."""
        known = {row["activity_code"]: row for row in self.story.steps}
        return self.name(known[activity_code])

    def path(self, row: Row) -> str:
        ends = (row["from_activity_code"], row["to_activity_code"])
        return " → ".join(map(self.step, ends))

    def span(self, seconds: float | None) -> str:
        return span(seconds, self.language)

    def amount(self, row: Row, column: str) -> str:
        """A value of a candidate with its unit."""
        unit = row["unit"]
        if row["template_code"] == "T22":
            unit = f"a_{row['period_grain']}"
        return quantity(row[column], unit, self.language)

    def table(self, keys: Sequence[str], rows: Iterable[Sequence[str]]) -> list:
        """Header and rows, less the columns in which nothing is known."""
        columns = [
            (self.text(key), *cells)
            for key, *cells in zip(keys, *rows, strict=True)
            if key == keys[0] or set(cells) - {"–", ""}
        ]
        return list(zip(*columns, strict=True))

    def summary(self) -> Part:
        process = self.story.process
        code = process["process_code"]
        about = self.text(
            "about",
            instances=f"{process['instances']:,}",
            closed=f"{process['closed_instances']:,}",
            variants=f"{process['variants']:,}",
            share=percent(process["main_variant_share"]),
        )
        sentences = [about]
        if process["lead_p50_seconds"] is not None:
            sentences.append(self.spread("lead", process, "lead_"))
        if process["flow_efficiency"] is not None:
            share = percent(process["flow_efficiency"])
            sentences.append(self.text("efficiency", share=share))
        if process["gate_reasons"]:
            limits = map(self.text, process["gate_reasons"].split("|"))
            limits = ("；" if self.language == "zh" else "; ").join(limits)
            sentences.append(self.text("limits", limits=limits))
        return Part(f"{self.name(process) or code} ({code})", sentences=sentences)

    def spread(self, key: str, row: Row, prefix: str = "", **values: str) -> str:
        p50, p95 = (self.span(row[f"{prefix}p{q}_seconds"]) for q in (50, 95))
        return self.text(key, p50=p50, p95=p95, **values)

    def steps(self) -> Part:
        keys = ("step", "cases", "work", "rework_share", "nodes")
        rows = [
            [
                f"{row['position_no']}. {self.name(row)}",
                percent(row["coverage"]),
                self.span(row["work_p50_seconds"]),
                percent(row["rework_share"]) if row["rework_instances"] else "–",
                self.listed(self.text(node) for node in NODES if row[f"is_{node}"]),
            ]
            for row in self.story.steps
        ]
        return Part(self.text("map"), self.table(keys, rows))

    def bottlenecks(self) -> Part:
        keys = ("path", "share", "p95", "last", "kind")
        rows = [
            [
                self.path(row),
                percent(row["share"]),
                self.span(row["p95_seconds"]),
                str(row["last_seen_on"]),
                self.text(row["bottleneck_kind"]),
            ]
            for row in self.story.bottlenecks
        ]
        if rows:
            return Part(self.text("waits"), self.table(keys, rows))
        tested = any(row["is_bottleneck"] is not None for row in self.story.paths)
        why = self.text("no_bottleneck" if tested else "not_tested")
        return Part(self.text("waits"), sentences=[why])

    def waste(self) -> Part:
        sentences = [one for row in self.story.steps for one in self.waste_at(row)]
        if self.story.process["is_long_tail"]:
            whole, lead = self.text("whole"), self.story.process
            sentences.append(self.spread("tail", lead, "lead_", what=whole))
        tails = [row for row in self.story.paths if row["is_long_tail"]]
        for row in sorted(tails, key=lambda row: -row["share"])[:TAILS]:
            sentences.append(self.spread("tail", row, what=self.path(row)))
        return Part(self.text("waste"), sentences=sentences or [self.text("no_waste")])

    def waste_at(self, row: Row) -> Iterator[str]:
        """What is said of one step."""

        def said(key: str, **values: Any) -> str:
            return self.text(key, step=self.name(row), **values)

        if row["is_repeated_approval"]:
            times, last = f"{row['repeated_approvals']:,}", row["last_seen_on"]
            yield said("approved_again", times=times, last=last)
        if row["serial_approvals"] and row["is_serial_approval"] is not False:
            rejects = any(one["rejected_visits"] for one in self.story.steps)
            key = "serial_few" if rejects else "serial_unseen"
            yield said(
                "serial" if row["is_serial_approval"] else key,
                no=row["rejected_visits"],
                all=row["decided_visits"],
            )
        if row["is_ping_pong"]:
            yield said("came_back", share=percent(row["return_share"]))
        if row["is_rework"] and row["kind"] == "rework":
            yield said("is_rework", share=percent(row["coverage"]))
        elif row["is_rework"]:
            yield said("done_again", share=percent(row["rework_share"]))
        if row["is_risk"]:
            yield said("ends_badly", share=percent(row["risk_difference"]))

    def candidates(self) -> Part:
        titles = {row["candidate_id"]: self.name(row) for row in self.story.measured}
        keys = ("kpi", "score", "now", "target", "counter", "is_core")
        twins: dict[str, list[str]] = {}
        rows = []
        for row in self.story.measured:
            if row["redundant_with_id"]:
                same = twins.setdefault(titles[row["redundant_with_id"]], [])
                same.append(self.name(row))
                continue
            rows.append(
                [
                    self.name(row),
                    f"{row['score']:.2f}",
                    self.amount(row, "baseline"),
                    self.amount(row, "target"),
                    titles.get(row["counter_id"], "–"),
                    self.text("is_core") if row["is_core"] else "",
                ]
            )
        same = [
            self.text("twins", kept=kept, twins=self.listed(names))
            for kept, names in twins.items()
        ]
        return Part(self.text("candidates"), self.table(keys, rows), same)

    def core(self) -> Part:
        if self.story.core:
            reasons = map(self.reasoned, self.story.core)
            return Part(self.text("reasons"), sentences=list(reasons))
        best = [row for row in self.story.measured if row["counter_gap"]][:UNBALANCED]
        if best:
            why = [self.text("unbalanced"), *map(self.reasoned, best)]
        else:
            why = [self.text("nothing")]
        return Part(self.text("no_core"), sentences=why)

    def reasoned(self, row: Row) -> str:
        return self.explained(self.name(row), row[f"reason_{self.language}"])

    def refused(self) -> Part:
        """Each reason once, with all that it forbids."""
        same: dict[str, list[str]] = {}
        for row in self.story.refused:
            same.setdefault(row[f"reason_{self.language}"], []).append(self.name(row))
        return Part(
            self.text("refused"),
            sentences=[
                self.explained(self.listed(names), why) for why, names in same.items()
            ],
        )

    def explained(self, name: str, why: str) -> str:
        return f"{name}：{why}" if self.language == "zh" else f"{name}: {why}"

    def listed(self, names: Iterable[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(names)


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
    "a_day": ("a day", "件/天"),
    "a_week": ("a week", "件/周"),
    "a_month": ("a month", "件/月"),
    "a_quarter": ("a quarter", "件/季"),
}


def quantity(value: float | None, unit: str, language: str) -> str:
    """A figure with its unit; a dash for NULL."""
    if value is None:
        return "–"
    words = UNITS.get(unit, (unit, unit))[language == "zh"]
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{number} {words}".rstrip()
