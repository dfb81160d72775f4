"""The suite of expectations, with thresholds from the file that was adopted."""

from __future__ import annotations

from orchestration.adopt.plan import EXPORT, Plan
from orchestration.adopt.render.contract import MEANING
from orchestration.adopt.render.staging import CASE_PARTS

# Where a threshold is twice what is likely, rare things still need room.
LEAST_SHARE = 0.01
LEAST_SHIFT = 0.05
_CHINESE = {
    "resource": "处理人",
    "org_unit": "处理部门",
    "due": "承诺时刻",
    "requester": "提出人",
    "segment": "细分维度",
    "score": "评分",
    "cost": "成本",
    "outcome": "结果",
    "end": "结束时刻",
}


def _bound(count: int, total: int) -> float:
    """Twice the upper 99 % Wilson bound of a share."""
    from scipy.stats import binomtest

    high = binomtest(count, total).proportion_ci(0.99, method="wilson").high
    return min(1.0, max(LEAST_SHARE, round(2 * float(high), 4)))


def _call(name: str, *arguments: str) -> str:
    lines = "".join(f"                {one},\n" for one in arguments)
    return f"            *rules.{name}(\n{lines}            ),\n"


def _notes(english: str, chinese: str) -> str:
    """What an expectation guards, in both languages."""
    return f'"{english}"\n                " | {chinese}"'


def suite(plan: Plan) -> str:
    """The suite of the export, with thresholds from the file that was adopted."""
    log = plan.log
    total = plan.log.rows + plan.log.ragged
    parts = []
    for name in plan.export.key:
        parts.append(
            _call(
                "required",
                f'"{name}"',
                _notes(
                    "A row without it belongs to no case, step or moment.",
                    "缺少它的行不属于任何实例、环节或时刻。",
                ),
                "most_missing=0",
            )
        )
    judged = set(plan.export.key)
    for part in ("resource", "org_unit", *CASE_PARTS):
        column = plan.column(part)
        facts = log.named(plan.proposal.value(part) or "")
        # One column may play two parts, such as the unit that people cut by.
        if column is None or facts is None or column in judged:
            continue
        judged.add(column)
        bound = _bound(facts.nulls, facts.rows)
        if bound < 1:
            observed = f"# Observed: {facts.nulls / facts.rows:.4f} missing.\n"
            parts.append(
                f"            {observed}"
                + _call(
                    "required",
                    f'"{column}"',
                    _notes(
                        f"{MEANING[part]} Without it, figures by it are cut.",
                        f"{_CHINESE[part]}；缺失时，按它统计的数字不完整。",
                    ),
                    f"most_missing={bound}",
                )
            )
    constants = ""
    activities = plan.proposal.values("activity")
    if len(activities) == 1 and not plan.wishes.milestones:
        values = sorted(step.name for step in plan.steps)
        listed = "".join(f"    {_literal(value)},\n" for value in values)
        constants = f"ACTIVITIES = (\n{listed})\n\n\n"
        parts.append(
            _call(
                "codes",
                '"activity"',
                "ACTIVITIES",
                _notes(
                    "A step that is not on the map has no name, place or owner.",
                    "流程图上没有的环节，没有名称、位置和负责人。",
                ),
            )
        )
    start, end = plan.column("start"), plan.column("timestamp")
    if start and end:
        parts.append(
            _call(
                "in_order",
                f'"{start}"',
                f'"{end}"',
                _notes(
                    "Steps that end before they start have no length.",
                    "结束早于开始的环节没有时长。",
                ),
                "most_reversed=0.05",
            )
        )
    if plan.wishes.milestones:
        parts.append(
            _call(
                "unique",
                '["case_id"]',
                _notes(
                    "A case twice counts twice everywhere.",
                    "同一实例出现两次，各处都会重复计数。",
                ),
            )
        )
    newest = f'"{plan.export.watermark}"'
    parts.append(
        f"""\
            # Observed: {plan.last_day}.
            gxe.ExpectColumnMaxToBeBetween(
                column={newest},
                min_value=datetime({plan.last_day.year}, {plan.last_day.month}, 1),
                severity="critical",
                notes="A log that ends earlier than the one adopted is an old export."
                " | 比已采用的日志更早结束的，是旧的导出。",
            ),
"""
    )
    rejected = plan.rejected / total
    rejects = _call(
        "rejects",
        _notes(
            "Unreadable rows are steps that no case shows.",
            "无法读取的行，是任何实例都看不到的环节。",
        ),
        f"held={max(0.05, _bound(plan.rejected, total))}",
        f"usual={_bound(plan.rejected, total)}",
    )
    repeated = plan.duplicates / total
    delivery = f"""\
            # Observed: {plan.loaded}.
            gxe.ExpectColumnValuesToBeBetween(
                column="loaded",
                min_value={int(plan.loaded * 0.9)},
                severity="critical",
                notes="A log with far fewer rows than the one adopted was cut."
                " | 行数远少于已采用日志的文件被截断了。",
            ),
            # Observed: {rejected:.4f}.
{rejects}"""
    if plan.export.exact_duplicates == "drop":
        delivery += f"            # Observed: {repeated:.4f}.\n" + _call(
            "duplicates",
            _notes(
                "Far more repeated rows than before point to a joined export.",
                "重复行远多于以往，说明导出时被合并了。",
            ),
            f"usual={_bound(plan.duplicates, total)}",
        )
    weekdays = ""
    most = max(LEAST_SHIFT, round(2 * plan.weekday_shift, 4))
    if plan.weekdays and most < 1:
        shares = "".join(f"                {share:.4f},\n" for share in plan.weekdays)
        weekdays = f"""\
        # Monday to Sunday, as adopted.
        weekdays=(
            {newest},
            (
{shares}            ),
        ),
"""
        delivery += (
            f"            # Observed in parts of the log: {plan.weekday_shift:.4f}.\n"
            + _call(
                "weekdays",
                _notes(
                    "A weekday without its rows, or a shifted clock, bends all weeks.",
                    "某个星期几缺行或时钟偏移，会扭曲每一周。",
                ),
                f"usual={most}",
            )
        )
    return f'''"""What the files of {plan.process} must meet before their rows count."""

from __future__ import annotations

from datetime import datetime

import great_expectations.expectations as gxe

from expectations import rules
from orchestration.suites import Suite

{constants or chr(10)}def {EXPORT}() -> Suite:
    """The log as adopted; a later export of it holds at least as much."""
    return Suite(
        batch=[
{"".join(parts)}        ],
        delivery=[
{delivery}        ],
{weekdays}    )
'''


def _literal(text: str) -> str:
    """A Python string as the formatter writes it."""
    quote = "'" if '"' in text and "'" not in text else '"'
    body = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{body}{quote}"
