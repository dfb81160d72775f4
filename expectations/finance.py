"""What the snapshots of the books must meet before revenue is counted from them."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite


def revenue() -> Suite:
    """One row per month and channel, all months since January 2024."""
    return Suite(
        batch=[
            *rules.required(
                "month",
                "Revenue of no month is in no comparison."
                " | 没有月份的收入无法参与任何比较。",
            ),
            *rules.required(
                "channel",
                "Revenue without channel is in no segment."
                " | 没有渠道的收入不在任何分段。",
            ),
            *rules.required(
                "revenue",
                "A month without its figure looks like a slump."
                " | 缺少数字的月份看起来像业绩骤降。",
            ),
            *rules.required(
                "intercompany",
                "Sales to sister companies would count as revenue of the group."
                " | 对关联公司的销售会被计为集团收入。",
            ),
            *rules.unique(
                ["month", "channel", "intercompany"],
                "A channel twice in a month: its revenue would be added up twice."
                " | 同月同渠道出现两次：收入会重复累加。",
            ),
            *rules.between(
                "revenue",
                0,
                10_000_000_000,
                "Below zero, or in another unit: signs or columns are mixed up."
                " | 为负或单位不同：正负号或列混淆。",
                most_outside=0.05,
                usually_outside=0.0,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are revenue nobody counts."
                " | 无法读取的行就是漏计的收入。"
            ),
            *rules.duplicates("A row twice is revenue twice. | 一行重复就是收入重复。"),
            # A snapshot only grows.
            *rules.volume(
                "Months are missing: they would vanish from the year and its target."
                " | 缺少月份：它们会从全年及其目标中消失。",
                held=(0.95, 3.0),
                usual=(1.0, 2.0),
            ),
            # One month of all those that the snapshot holds.
            *rules.in_period(
                "The month that the file is named after is not in it."
                " | 文件名所示的月份不在文件中。",
                least=0.005,
            ),
        ],
        period_column="month",
    )
